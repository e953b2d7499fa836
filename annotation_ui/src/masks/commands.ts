import type { Command } from "../keys/bindings";

const JUDGING = ["judge"];
const TASK = ["judge", "propose"];
const MARKING = ["judge", "propose", "further"];

/** Everything a key does on the mask page. */
export const COMMANDS = [
  { id: "accept", label: "Send: verify, or what was marked", contexts: MARKING, combo: "Enter" },
  { id: "low_quality", label: "Discard: low quality", contexts: TASK, combo: "Digit1" },
  { id: "several_objects", label: "Discard: several objects", contexts: JUDGING, combo: "Digit2" },
  { id: "partial", label: "Discard: partial", contexts: JUDGING, combo: "Digit3" },
  { id: "no_salient_object", label: "Discard: no salient object", contexts: TASK, combo: "Digit4" },
  { id: "point", label: "Point at the object", contexts: MARKING, combo: "KeyA" },
  { id: "box", label: "Box around the object", contexts: MARKING, combo: "KeyX" },
  { id: "brush", label: "Brush", contexts: MARKING, combo: "KeyB" },
  { id: "eraser", label: "Eraser", contexts: MARKING, combo: "KeyE" },
  { id: "polygon", label: "Polygon", contexts: MARKING, combo: "KeyG" },
  { id: "hand", label: "Move the photograph", contexts: MARKING, combo: "KeyV" },
  { id: "smaller", label: "Smaller brush", contexts: MARKING, combo: "BracketLeft", repeats: true },
  { id: "larger", label: "Larger brush", contexts: MARKING, combo: "BracketRight", repeats: true },
  { id: "undo", label: "Undo", contexts: MARKING, combo: "KeyU" },
  { id: "redo", label: "Redo", contexts: MARKING, combo: "KeyY" },
  { id: "cancel", label: "Leave what was begun", contexts: MARKING, combo: "Escape" },
  { id: "touch", label: "Use the tool at the crosshair", contexts: MARKING, combo: "Space" },
  { id: "touch_not", label: "… for what does not belong", contexts: MARKING, combo: "Shift+Space" },
  { id: "left", label: "Crosshair left", contexts: MARKING, combo: "ArrowLeft", repeats: true },
  { id: "right", label: "Crosshair right", contexts: MARKING, combo: "ArrowRight", repeats: true },
  { id: "up", label: "Crosshair up", contexts: MARKING, combo: "ArrowUp", repeats: true },
  { id: "down", label: "Crosshair down", contexts: MARKING, combo: "ArrowDown", repeats: true },
  { id: "left_little", label: "A little left", contexts: MARKING, combo: "Shift+ArrowLeft", repeats: true },
  {
    id: "right_little",
    label: "A little right",
    contexts: MARKING,
    combo: "Shift+ArrowRight",
    repeats: true,
  },
  { id: "up_little", label: "A little up", contexts: MARKING, combo: "Shift+ArrowUp", repeats: true },
  { id: "down_little", label: "A little down", contexts: MARKING, combo: "Shift+ArrowDown", repeats: true },
  { id: "closer", label: "Closer", contexts: MARKING, combo: "Equal", repeats: true },
  { id: "farther", label: "Farther", contexts: MARKING, combo: "Minus", repeats: true },
  { id: "zoom", label: "Whole photograph or object", contexts: MARKING, combo: "KeyZ" },
  { id: "peek", label: "Mask on or off", contexts: MARKING, combo: "KeyM" },
  { id: "category", label: "Category", contexts: MARKING, combo: "KeyC" },
  { id: "further", label: "Mark another object", contexts: TASK, combo: "KeyN" },
  { id: "skip", label: "Skip…", contexts: TASK, combo: "KeyS" },
  { id: "go_on", label: "Go on", contexts: ["stopped"], combo: "Enter" },
  { id: "keys", label: "Keys", contexts: [...MARKING, "stopped", "busy"], combo: "Shift+Slash" },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

/** Steps of the crosshair, in CSS pixels. */
export const STEPS: Partial<Record<CommandId, readonly [number, number]>> = {
  left: [-16, 0],
  right: [16, 0],
  up: [0, -16],
  down: [0, 16],
  left_little: [-2, 0],
  right_little: [2, 0],
  up_little: [0, -2],
  down_little: [0, 2],
};
