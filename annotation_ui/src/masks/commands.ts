import type { Command } from "../keys/bindings";

const WORKING = ["judge"];

/** Everything a key does on the mask page. */
export const COMMANDS = [
  { id: "accept", label: "Verify, or send the refined mask", contexts: WORKING, combo: "Enter" },
  { id: "low_quality", label: "Discard: low quality", contexts: WORKING, combo: "Digit1" },
  { id: "several_objects", label: "Discard: several objects", contexts: WORKING, combo: "Digit2" },
  { id: "partial", label: "Discard: partial", contexts: WORKING, combo: "Digit3" },
  { id: "no_salient_object", label: "Discard: no salient object", contexts: WORKING, combo: "Digit4" },
  { id: "brush", label: "Brush", contexts: WORKING, combo: "KeyB" },
  { id: "eraser", label: "Eraser", contexts: WORKING, combo: "KeyE" },
  { id: "smaller", label: "Smaller brush", contexts: WORKING, combo: "BracketLeft", repeats: true },
  { id: "larger", label: "Larger brush", contexts: WORKING, combo: "BracketRight", repeats: true },
  { id: "undo", label: "Undo", contexts: WORKING, combo: "KeyU" },
  { id: "redo", label: "Redo", contexts: WORKING, combo: "KeyY" },
  { id: "category", label: "Correct the category", contexts: WORKING, combo: "KeyC" },
  { id: "zoom", label: "Whole photograph or target", contexts: WORKING, combo: "KeyZ" },
  { id: "peek", label: "Mask on or off", contexts: WORKING, combo: "KeyM" },
  { id: "skip", label: "Skip…", contexts: WORKING, combo: "KeyS" },
  { id: "go_on", label: "Go on", contexts: ["stopped"], combo: "Enter" },
  { id: "keys", label: "Keys", contexts: [...WORKING, "stopped", "busy"], combo: "Shift+Slash" },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];
