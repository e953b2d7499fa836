import { type AlignmentTask, type Proposal, type Snapped, snap, tryOthers } from "../api/alignments";
import { grounded } from "./pose/edits";
import { type Pose, readPose, samePose } from "./pose/pose";
import type { Stage } from "./scene/stage";
import type { Scores } from "./scores/scores";
import type { Aid, AlignmentState } from "./task/alignmentState";
import type { AlignmentDesk } from "./task/desk";

/** Other poses that were asked for and wait to be chosen from. */
export interface Offer {
  readonly workItem: string;
  readonly before: Scores;
  readonly proposals: readonly { pose: Pose; scores: Scores }[];
}

/** Many shapes look nearly alike from behind: a fit that ended there does not look wrong. */
const BETTER_TURNED = "Front to back it fits better: flip it, then snap again.";

/** Where help is asked for, and where it goes. */
export interface Helper {
  readonly desk: AlignmentDesk;
  readonly stage: Stage;
  readonly state: AlignmentState;
  readonly offer: Offer | null;
  readonly setOffer: (offer: Offer | null) => void;
  /** Which help is on its way. */
  readonly setAsking: (aid: Aid | null) => void;
}

/** Have a pose proposed; what comes of it can be undone. */
export async function helpWith(aid: Aid, pose: Pose, helper: Helper): Promise<void> {
  const { stage, state } = helper;
  if (aid === "snap" || aid === "try_others") return ask(aid, pose, helper);
  if (aid === "initial_pose") return propose(aid, readPose(state.task.initial_pose), pose, helper);
  const standing = stage.ground && grounded(pose, stage.ground, stage.corners());
  return propose(aid, standing, pose, helper);
}

/** Take one of the other poses, or none. */
export function choose(which: number | null, { desk, offer, setOffer }: Helper): void {
  const chosen = which === null ? null : offer?.proposals[which];
  if (offer === null || chosen === undefined) return;
  const { before } = offer;
  desk.help({ aid: "try_others", pose: chosen?.pose ?? null, before, after: chosen?.scores ?? before });
  setOffer(null);
}

async function propose(aid: Aid, proposed: Pose | null, pose: Pose, { desk, stage }: Helper): Promise<void> {
  if (proposed === null) {
    const lacking =
      aid === "ground" ? "No ground was found under this object." : "This task has no first pose.";
    desk.say(`${lacking} Place it by hand.`);
    return;
  }
  const before = await stage.measure(pose);
  desk.help({ aid, pose: proposed, before, after: await stage.measure(proposed) });
}

/** Ask the engine. What comes after the person went on is not taken. */
async function ask(aid: "snap" | "try_others", pose: Pose, helper: Helper): Promise<void> {
  const { desk, stage, state, setAsking, setOffer } = helper;
  const { work_item: workItem } = state.task;
  setAsking(aid);
  try {
    const before = stage.measure(pose);
    const found: readonly (Proposal | Snapped)[] = await (aid === "snap"
      ? one(snap(workItem, bodyOf(pose)))
      : tryOthers(workItem, bodyOf(pose)));
    if (!isOnDesk(desk, state.task)) return;
    const proposals = found.flatMap(readProposal);
    const [first] = proposals;
    const now = stage.state().pose;
    const declined = async (why: string) => {
      desk.help({ aid, pose: null, before: await before, after: first?.scores ?? (await before) });
      desk.say(why);
    };
    const turned = found.some((one) => "better_turned" in one && one.better_turned);
    if (!first || (aid === "snap" && samePose(first.pose, pose)))
      await declined(turned ? BETTER_TURNED : "Nothing fits better from here.");
    else if (aid === "try_others") setOffer({ workItem, before: await before, proposals });
    else if (now && !samePose(now, pose)) await declined("You went on meanwhile: the snap was not taken.");
    else {
      desk.help({ aid, pose: first.pose, before: await before, after: first.scores });
      if (turned) desk.say(BETTER_TURNED);
    }
  } catch (problem) {
    const why = problem instanceof Error ? problem.message : String(problem);
    if (isOnDesk(desk, state.task)) desk.say(`No help came: ${why}`);
  } finally {
    setAsking(null);
  }
}

function isOnDesk(desk: AlignmentDesk, { work_item }: AlignmentTask): boolean {
  const { situation } = desk.snapshot();
  return situation.kind === "working" && situation.state.task.work_item === work_item;
}

function readProposal({ pose: said, silhouette_iou, inlier_share }: Proposal) {
  const pose = readPose(said);
  return pose ? [{ pose, scores: { silhouetteIou: silhouette_iou, inlierShare: inlier_share } }] : [];
}

function bodyOf({ rotation_wxyz, translation, scale }: Pose) {
  return { rotation_wxyz: [...rotation_wxyz], translation: [...translation], scale: [...scale] };
}

async function one<T>(found: Promise<T>): Promise<T[]> {
  return [await found];
}
