import type { Command } from "../keys/bindings";
import { frameCommands } from "../work/commands";

/** `compare`: a pair is on show. `rate`: the winner is. */
const WORKING = ["compare", "rate"] as const;

/** What is said about a pair, and the steps back and forth. */
export const STEP_COMMANDS = [
  { id: "left", label: "Left is better", contexts: ["compare"], combo: "ArrowLeft" },
  { id: "equal", label: "Equal quality", contexts: ["compare"], combo: "ArrowDown" },
  { id: "right", label: "Right is better", contexts: ["compare"], combo: "ArrowRight" },
  { id: "undo", label: "Back one step", contexts: WORKING, combo: "KeyU" },
  { id: "redo", label: "The step again that was taken back", contexts: WORKING, combo: "Shift+KeyU" },
] as const satisfies readonly Command[];

/** Looking at photograph and shapes; and what every page has. */
export const LOOK_COMMANDS = [
  { id: "photo", label: "Photograph: full, zoom, cut-out", contexts: WORKING, combo: "KeyP" },
  { id: "rotation", label: "Turntables on or off", contexts: WORKING, combo: "Space" },
  { id: "linked", label: "Turn both together or each alone", contexts: WORKING, combo: "KeyV" },
  { id: "turn_left", label: "Turn to the left", contexts: WORKING, combo: "KeyJ", repeats: true },
  { id: "turn_right", label: "Turn to the right", contexts: WORKING, combo: "KeyL", repeats: true },
  { id: "turn_up", label: "Look from above", contexts: WORKING, combo: "KeyI", repeats: true },
  { id: "turn_down", label: "Look from below", contexts: WORKING, combo: "KeyK", repeats: true },
  { id: "closer", label: "Closer", contexts: WORKING, combo: "Equal", repeats: true },
  { id: "farther", label: "Farther", contexts: WORKING, combo: "Minus", repeats: true },
  { id: "start_view", label: "Start view", contexts: WORKING, combo: "Home" },
  ...frameCommands(WORKING),
] as const satisfies readonly Command[];

/** Everything a key does on the selection page. */
export const COMMANDS = [
  ...STEP_COMMANDS,
  { id: "anchor1", label: "First anchor of the rubric", contexts: ["rate"], combo: "Digit1" },
  { id: "anchor2", label: "Second anchor", contexts: ["rate"], combo: "Digit2" },
  { id: "anchor3", label: "Third anchor", contexts: ["rate"], combo: "Digit3" },
  { id: "anchor4", label: "Fourth anchor", contexts: ["rate"], combo: "Digit4" },
  { id: "anchor5", label: "Fifth anchor", contexts: ["rate"], combo: "Digit5" },
  { id: "lower", label: "Rating a little lower", contexts: ["rate"], combo: "ArrowLeft", repeats: true },
  { id: "higher", label: "Rating a little higher", contexts: ["rate"], combo: "ArrowRight", repeats: true },
  { id: "complex_geometry", label: "Reason: complex geometry", contexts: ["rate"], combo: "Digit6" },
  { id: "occlusion", label: "Reason: occlusion", contexts: ["rate"], combo: "Digit7" },
  { id: "transparency", label: "Reason: transparency", contexts: ["rate"], combo: "Digit8" },
  { id: "small_object", label: "Reason: small object", contexts: ["rate"], combo: "Digit9" },
  { id: "other", label: "Reason: other", contexts: ["rate"], combo: "Digit0" },
  { id: "submit", label: "Submit the rating", contexts: ["rate"], combo: "Enter" },
  ...LOOK_COMMANDS,
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];
