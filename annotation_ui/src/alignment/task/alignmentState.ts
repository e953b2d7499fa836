import type { AidReport, AlignmentTask, NotAlignable } from "../../api/alignments";
import { type Pose, readPose, samePose } from "../pose/pose";
import type { Scores } from "../scores/scores";
import { type History, recorded, redone, undone } from "./history";

/** Help that proposes a pose. */
export const AIDS = ["initial_pose", "snap", "try_others", "ground"] as const;
export type Aid = (typeof AIDS)[number];

/** What changed a pose: an aid, a hand in one of several ways, or an earlier sitting. */
export type EditKind = Aid | "drag" | "nudge" | "turn" | "flip" | "numbers" | "draft";

/** One time that help was asked for, and what it did to the scores. */
export interface AidUse {
  readonly aid: Aid;
  readonly before: Scores;
  readonly after: Scores;
  /** The step in the history that it made; null where its proposal was not taken. */
  readonly step: number | null;
}

/** A Stage 3 task in work. `pose` is null until there is something to begin from. */
export interface AlignmentState {
  readonly task: AlignmentTask;
  readonly pose: Pose | null;
  readonly history: History<Pose, EditKind>;
  readonly uses: readonly AidUse[];
  readonly nextStep: number;
}

/** What of a task is unsent. */
export interface AlignmentDraft {
  readonly pose: Pose;
  readonly uses: readonly (Omit<AidUse, "step"> & { readonly kept: boolean })[];
}

export const REASONS: readonly { value: NotAlignable; label: string; meaning: string }[] = [
  { value: "bad_mesh", label: "bad mesh", meaning: "The shape is not this object, or is broken." },
  { value: "bad_points", label: "bad points", meaning: "The object's points are missing or nonsense." },
  { value: "too_occluded", label: "too occluded", meaning: "Too little of the object is visible to decide." },
];

const EMPTY: History<Pose, EditKind> = { past: [], future: [] };

/** A task as it was claimed; a draft goes on where it stood, and the first pose is one step back. */
export function openAlignment(task: AlignmentTask, draft: AlignmentDraft | null = null): AlignmentState {
  const pose = readPose(task.initial_pose);
  const state: AlignmentState = { task, pose, history: EMPTY, uses: [], nextStep: 0 };
  if (draft === null) return state;
  const step = state.nextStep;
  const uses = draft.uses.map(({ kept, ...use }) => ({ ...use, step: kept ? step : null }));
  return { ...placed(begun(state, draft.pose), draft.pose, "draft", 0), uses };
}

/** Begin somewhere, where the task itself says nothing. Not a change: there is nothing to go back to. */
export function begun(state: AlignmentState, pose: Pose): AlignmentState {
  return state.pose === null ? { ...state, pose } : state;
}

/** The object stands elsewhere now. Nudges that follow one another are one change. */
export function placed(state: AlignmentState, pose: Pose, kind: EditKind, at: number): AlignmentState {
  if (state.pose === null || samePose(pose, state.pose)) return state;
  const step = { id: state.nextStep, kind, before: state.pose, after: pose, at };
  const history = recorded(state.history, step, { merge: kind === "nudge" });
  return { ...state, pose, history, nextStep: state.nextStep + 1 };
}

/** Help proposed `pose`, and it was taken; null: none of its proposals was. */
export function helped(
  state: AlignmentState,
  use: { aid: Aid; pose: Pose | null; before: Scores; after: Scores },
  at: number,
): AlignmentState {
  const { aid, pose, before, after } = use;
  const changed = pose ? placed(state, pose, aid, at) : state;
  return { ...changed, uses: [...state.uses, { aid, before, after, step: pose && state.nextStep }] };
}

export function stepBack(state: AlignmentState): AlignmentState {
  const back = undone(state.history);
  return back ? { ...state, pose: back.step.before, history: back.history } : state;
}

export function stepForward(state: AlignmentState): AlignmentState {
  const again = redone(state.history);
  return again ? { ...state, pose: again.step.after, history: again.history } : state;
}

/** How each proposal changed the scores, and whether it was kept: it was taken and not taken back. */
export function reportOf({ uses, history }: AlignmentState): AidReport[] {
  return uses.map(({ aid, before, after, step }) => ({
    kind: aid,
    silhouette_iou_before: before.silhouetteIou,
    silhouette_iou_after: after.silhouetteIou,
    inlier_share_before: before.inlierShare,
    inlier_share_after: after.inlierShare,
    kept: history.past.some(({ id }) => id === step),
  }));
}

export function draftOf({ pose, uses, history }: AlignmentState): AlignmentDraft | null {
  const untouched = history.past.length + history.future.length + uses.length === 0;
  if (pose === null || untouched) return null;
  const inForce = new Set(history.past.map(({ id }) => id));
  return {
    pose,
    uses: uses.map(({ step, ...use }) => ({ ...use, kept: step !== null && inForce.has(step) })),
  };
}

/** Read a draft that came from outside; null where it says nothing. */
export function readDraft(content: unknown): AlignmentDraft | null {
  if (typeof content !== "object" || content === null) return null;
  const { pose: said, uses } = content as Record<string, unknown>;
  const pose = readPose(said);
  return pose && { pose, uses: Array.isArray(uses) ? uses.filter(isUse) : [] };
}

function isUse(content: unknown): content is AlignmentDraft["uses"][number] {
  if (typeof content !== "object" || content === null) return false;
  const { aid, before, after, kept } = content as Record<string, unknown>;
  return (
    AIDS.some((known) => known === aid) && isScores(before) && isScores(after) && typeof kept === "boolean"
  );
}

function isScores(content: unknown): content is Scores {
  if (typeof content !== "object" || content === null) return false;
  const { silhouetteIou, inlierShare } = content as Record<string, unknown>;
  const share = (value: unknown) => value === null || (typeof value === "number" && value >= 0 && value <= 1);
  return share(silhouetteIou) && share(inlierShare);
}
