import { choose, type Helper, helpWith } from "./assistance";
import type { CommandId } from "./commands";
import { FRAMES } from "./pose/axes";
import { dollied, flipped, quarterTurned, upsideDown } from "./pose/edits";
import type { Pose } from "./pose/pose";
import { type Display, pointSizeBeside } from "./scene/display";
import { VIEWS } from "./scene/orbit";
import { OVERLAYS } from "./scene/photographView";
import type { Stage } from "./scene/stage";
import { AIDS, type EditKind } from "./task/alignmentState";
import { TOOLS, type Tool } from "./tools/gesture";
import { NUDGES, type Nudge, nudged } from "./tools/nudge";

/** What commands work on; `stage` and `state` are null before there is anything to work on. */
export type Hand = Omit<Held, "stage" | "state"> & { readonly [K in "stage" | "state"]: Held[K] | null };

interface Held extends Helper {
  readonly display: Display;
  readonly setDisplay: (change: Partial<Display>) => void;
  /** As in Blender: the key of a tool takes hold of the object, and a click puts it down. */
  readonly followsKeys: boolean;
}

const DOLLY = 1.01;
const LOOK_RADIANS = Math.PI / 24;
const OPACITY_STEP = 0.1;
const ZOOM = 1.15;

type Table<T> = Partial<Record<CommandId, T>>;

const EDITS: Table<{ kind: EditKind; edit: (pose: Pose, stage: Stage) => Pose }> = {
  dolly_nearer: { kind: "nudge", edit: (pose) => dollied(pose, 1 / DOLLY) },
  dolly_farther: { kind: "nudge", edit: (pose) => dollied(pose, DOLLY) },
  flip: { kind: "flip", edit: flipped },
  upside_down: { kind: "flip", edit: upsideDown },
  quarter_left: { kind: "turn", edit: (pose, stage) => quarterTurned(pose, stage.axes(), 1, -1) },
  quarter_right: { kind: "turn", edit: (pose, stage) => quarterTurned(pose, stage.axes(), 1, 1) },
  quarter_back: { kind: "turn", edit: (pose, stage) => quarterTurned(pose, stage.axes(), 0, -1) },
  quarter_forward: { kind: "turn", edit: (pose, stage) => quarterTurned(pose, stage.axes(), 0, 1) },
  quarter_roll: { kind: "turn", edit: (pose, stage) => quarterTurned(pose, stage.axes(), 2, 1) },
};

const DISPLAYS: Table<(display: Display) => Partial<Display>> = {
  frame: ({ frame }) => ({ frame: following(FRAMES, frame) }),
  axis_x: ({ axis }) => ({ axis: axis === 0 ? null : 0 }),
  axis_y: ({ axis }) => ({ axis: axis === 1 ? null : 1 }),
  axis_z: ({ axis }) => ({ axis: axis === 2 ? null : 2 }),
  steps: ({ steps }) => ({ steps: !steps }),
  mesh: ({ mesh }) => ({ mesh: !mesh }),
  target: ({ target }) => ({ target: !target }),
  controls: ({ controls }) => ({ controls: !controls }),
  placed: ({ placed }) => ({ placed: !placed }),
  larger_points: ({ pointSize }) => ({ pointSize: pointSizeBeside(pointSize, 1) }),
  smaller_points: ({ pointSize }) => ({ pointSize: pointSizeBeside(pointSize, -1) }),
  overlay: ({ overlay }) => ({ overlay: following(OVERLAYS, overlay) }),
  fainter: ({ opacity }) => ({ opacity: Math.max(0, opacity - OPACITY_STEP) }),
  stronger: ({ opacity }) => ({ opacity: Math.min(1, opacity + OPACITY_STEP) }),
  photo: ({ close }) => ({ close: !close }),
};

const LOOKS: Table<(stage: Stage) => void> = {
  reset_view: (stage) => stage.look("start"),
  fit: (stage) => stage.fit(),
  closer: (stage) => stage.closer(ZOOM),
  away: (stage) => stage.closer(1 / ZOOM),
};

/** What may be pressed while the object is in the hand: it goes on with another tool, or along another axis. */
const IN_HAND = /^(move|turn|scale|steps|frame|axis_.)$/;

/** Do what a command says to the object or the view. Nothing happens before the object is on show. */
export function act(command: CommandId, { stage, state, ...rest }: Hand): void {
  if (!stage || !state) return;
  const hand: Held = { stage, state, ...rest };
  const { desk, display, setDisplay } = hand;
  if (command === "submit" && stage.following) {
    stage.putDown({ back: false });
    return;
  }
  if (!IN_HAND.test(command)) stage.settle();
  const pose = stage.state().pose;
  if (pose === null || stage.state().shown !== state.task.work_item) return;
  const edit = EDITS[command];
  const tool = TOOLS.find((one) => one === command);
  const nudge = NUDGES.find((one) => command === one || command === `fine_${one}`);
  const view = VIEWS.find((one) => command === `view_${one}`);
  const aid = AIDS.find((one) => one === command);
  if (edit) desk.place(edit.edit(pose, stage), edit.kind);
  else if (tool) take(tool, hand);
  else if (nudge) push(nudge, command.startsWith("fine_"), pose, hand);
  else if (view) stage.look(view);
  else if (aid) void helpWith(aid, pose, hand);
  else if (command === "undo") desk.undo();
  else if (command === "redo") desk.redo();
  else if (command === "choose_none") choose(null, hand);
  else if (command.startsWith("choose")) choose(Number(command.slice("choose".length)) - 1, hand);
  else if (command === "submit") void submit(pose, hand);
  else {
    LOOKS[command]?.(stage);
    const change = DISPLAYS[command]?.(display);
    if (change) setDisplay(change);
  }
}

/** Hand the pose in with its scores. A key that was pressed twice does not hand in the next task, unseen. */
async function submit(pose: Pose, { desk, stage, state }: Held): Promise<void> {
  if (!stage.state().seen) return desk.say("This object has only just come: look at it, then submit.");
  await desk.submit(state.task, pose, await stage.measure(pose));
}

/** Take a tool in hand; looking around is over with a second press of its key. */
function take(tool: Tool, { stage, display, setDisplay, followsKeys }: Held): void {
  const leaves = tool === "look" && display.tool === "look";
  setDisplay({ tool: leaves ? "move" : tool, ...(followsKeys && { axis: null }) });
  if (followsKeys && tool !== "look") stage.follow(tool);
}

function push(nudge: Nudge, fine: boolean, pose: Pose, { desk, stage, display }: Held): void {
  const { tool, axis, steps } = display;
  if (tool === "look") {
    const turn = fine ? LOOK_RADIANS / 4 : LOOK_RADIANS;
    if (nudge === "nearer" || nudge === "farther") stage.closer(nudge === "nearer" ? ZOOM : 1 / ZOOM);
    else if (nudge === "left" || nudge === "right") stage.turnView(nudge === "left" ? -turn : turn, 0);
    else stage.turnView(0, nudge === "up" ? turn : -turn);
    return;
  }
  const { moveStep } = stage;
  desk.place(nudged(pose, nudge, { tool, axis, axes: stage.axes(), moveStep, fine, steps }), "nudge");
}

function following<T>(all: readonly T[], one: T): T {
  return all[(all.indexOf(one) + 1) % all.length] as T;
}
