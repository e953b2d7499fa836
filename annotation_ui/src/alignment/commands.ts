import type { Bindings, Command } from "../keys/bindings";
import { frameCommands } from "../work/commands";

/** `place`: an object is to be placed. `choose`: proposals are on show. `dialog`: its own keys count. */
export type Context = "place" | "choose" | "dialog";

const PLACE = ["place"];

/** Everything a key does on the alignment page. */
export const COMMANDS = [
  { id: "submit", label: "Submit the pose", contexts: PLACE, combo: "Enter" },
  { id: "move", label: "Tool: move", contexts: PLACE, combo: "KeyW" },
  { id: "turn", label: "Tool: turn", contexts: PLACE, combo: "KeyE" },
  { id: "scale", label: "Tool: scale", contexts: PLACE, combo: "KeyR" },
  { id: "look", label: "Tool: look around", contexts: PLACE, combo: "Space" },
  { id: "left", label: "Nudge to the left", contexts: PLACE, combo: "ArrowLeft", repeats: true },
  { id: "right", label: "Nudge to the right", contexts: PLACE, combo: "ArrowRight", repeats: true },
  { id: "up", label: "Nudge up", contexts: PLACE, combo: "ArrowUp", repeats: true },
  { id: "down", label: "Nudge down", contexts: PLACE, combo: "ArrowDown", repeats: true },
  { id: "nearer", label: "Nudge nearer", contexts: PLACE, combo: "Comma", repeats: true },
  { id: "farther", label: "Nudge farther", contexts: PLACE, combo: "Period", repeats: true },
  {
    id: "fine_left",
    label: "Fine nudge to the left",
    contexts: PLACE,
    combo: "Shift+ArrowLeft",
    repeats: true,
  },
  {
    id: "fine_right",
    label: "Fine nudge to the right",
    contexts: PLACE,
    combo: "Shift+ArrowRight",
    repeats: true,
  },
  { id: "fine_up", label: "Fine nudge up", contexts: PLACE, combo: "Shift+ArrowUp", repeats: true },
  { id: "fine_down", label: "Fine nudge down", contexts: PLACE, combo: "Shift+ArrowDown", repeats: true },
  { id: "fine_nearer", label: "Fine nudge nearer", contexts: PLACE, combo: "Shift+Comma", repeats: true },
  { id: "fine_farther", label: "Fine nudge farther", contexts: PLACE, combo: "Shift+Period", repeats: true },
  { id: "dolly_nearer", label: "Nearer, outline kept", contexts: PLACE, combo: "PageDown", repeats: true },
  { id: "dolly_farther", label: "Farther, outline kept", contexts: PLACE, combo: "PageUp", repeats: true },
  { id: "frame", label: "Axes: world, local, view", contexts: PLACE, combo: "KeyQ" },
  { id: "axis_x", label: "Only along x", contexts: PLACE, combo: "Shift+KeyX" },
  { id: "axis_y", label: "Only along y", contexts: PLACE, combo: "Shift+KeyY" },
  { id: "axis_z", label: "Only along z", contexts: PLACE, combo: "Shift+KeyZ" },
  { id: "steps", label: "In steps, or smoothly", contexts: PLACE, combo: "KeyX" },
  { id: "snap", label: "Snap to points and outline", contexts: PLACE, combo: "KeyA" },
  { id: "try_others", label: "Try other rotations", contexts: PLACE, combo: "KeyO" },
  { id: "initial_pose", label: "Back to the first pose", contexts: PLACE, combo: "KeyB" },
  { id: "ground", label: "Stand on the ground", contexts: PLACE, combo: "KeyG" },
  { id: "flip", label: "Flip front to back", contexts: PLACE, combo: "KeyM" },
  { id: "upside_down", label: "Flip upside down", contexts: PLACE, combo: "Shift+KeyM" },
  { id: "quarter_left", label: "Quarter turn to the left", contexts: PLACE, combo: "KeyJ" },
  { id: "quarter_right", label: "Quarter turn to the right", contexts: PLACE, combo: "KeyL" },
  { id: "quarter_back", label: "Quarter turn backwards", contexts: PLACE, combo: "KeyI" },
  { id: "quarter_forward", label: "Quarter turn forwards", contexts: PLACE, combo: "KeyK" },
  { id: "quarter_roll", label: "Quarter turn sideways", contexts: PLACE, combo: "KeyU" },
  { id: "undo", label: "Undo", contexts: PLACE, combo: "KeyZ" },
  { id: "redo", label: "Redo", contexts: PLACE, combo: "KeyY" },
  { id: "mesh", label: "Mesh on or off", contexts: PLACE, combo: "KeyV" },
  { id: "target", label: "Target on or off", contexts: PLACE, combo: "KeyT" },
  { id: "controls", label: "Controls on or off", contexts: PLACE, combo: "KeyC" },
  { id: "placed", label: "Placed objects on or off", contexts: PLACE, combo: "KeyH" },
  { id: "larger_points", label: "Larger points", contexts: PLACE, combo: "KeyP", repeats: true },
  { id: "smaller_points", label: "Smaller points", contexts: PLACE, combo: "Shift+KeyP", repeats: true },
  { id: "overlay", label: "Overlay: fit, surface, outline", contexts: PLACE, combo: "KeyD" },
  { id: "fainter", label: "Overlay fainter", contexts: PLACE, combo: "BracketLeft", repeats: true },
  { id: "stronger", label: "Overlay stronger", contexts: PLACE, combo: "BracketRight", repeats: true },
  { id: "photo", label: "Photograph: target or whole", contexts: PLACE, combo: "Digit9" },
  { id: "view_input", label: "View: through the input camera", contexts: PLACE, combo: "Digit1" },
  { id: "view_start", label: "View: from the start", contexts: PLACE, combo: "Digit2" },
  { id: "view_left", label: "View: from the left", contexts: PLACE, combo: "Digit3" },
  { id: "view_right", label: "View: from the right", contexts: PLACE, combo: "Digit4" },
  { id: "view_top", label: "View: from above", contexts: PLACE, combo: "Digit5" },
  { id: "view_behind", label: "View: from behind", contexts: PLACE, combo: "Digit6" },
  { id: "reset_view", label: "Reset the view", contexts: PLACE, combo: "Digit0" },
  { id: "fit", label: "Fit the object into the view", contexts: PLACE, combo: "KeyF" },
  { id: "closer", label: "Closer", contexts: PLACE, combo: "Equal", repeats: true },
  { id: "away", label: "Farther away", contexts: PLACE, combo: "Minus", repeats: true },
  { id: "not_alignable", label: "Not alignable…", contexts: PLACE, combo: "KeyN" },
  { id: "choose1", label: "Take the first proposal", contexts: ["choose"], combo: "Digit1" },
  { id: "choose2", label: "Take the second proposal", contexts: ["choose"], combo: "Digit2" },
  { id: "choose3", label: "Take the third proposal", contexts: ["choose"], combo: "Digit3" },
  { id: "choose4", label: "Take the fourth proposal", contexts: ["choose"], combo: "Digit4" },
  { id: "choose5", label: "Take the fifth proposal", contexts: ["choose"], combo: "Digit5" },
  { id: "choose6", label: "Take the sixth proposal", contexts: ["choose"], combo: "Digit6" },
  { id: "choose_none", label: "Take none of them", contexts: ["choose"], combo: "Digit0" },
  { id: "guide", label: "Guidelines", contexts: PLACE, combo: "Slash" },
  ...frameCommands(PLACE),
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

/** Keys as people know them from Blender: G, R, S, then X, Y or Z; the number pad looks. Changes to the defaults. */
export const BLENDER: Partial<Record<CommandId, string>> = {
  move: "KeyG",
  turn: "KeyR",
  scale: "KeyS",
  axis_x: "KeyX",
  axis_y: "KeyY",
  axis_z: "KeyZ",
  steps: "KeyE",
  ground: "Shift+KeyG",
  skip: "Shift+KeyS",
  undo: "KeyU",
  redo: "Shift+KeyU",
  quarter_roll: "KeyW",
  view_input: "Digit0",
  view_start: "Digit1",
  view_left: "Digit4",
  view_right: "Digit3",
  view_top: "Digit7",
  view_behind: "Digit6",
  reset_view: "Home",
};

/** Whether the keys of the tools are Blender's, which take hold of the object at once. */
export function takesHold(bindings: Bindings): boolean {
  return (["move", "turn", "scale"] as const).every((tool) => bindings[tool] === BLENDER[tool]);
}

export const PRESETS: readonly { label: string; bindings: Bindings }[] = [
  { label: "W E R", bindings: bindingsWith({}) },
  { label: "Blender", bindings: bindingsWith(BLENDER) },
];

function bindingsWith(changes: Partial<Record<string, string>>): Bindings {
  return Object.fromEntries(COMMANDS.map(({ id, combo }) => [id, changes[id] ?? combo]));
}
