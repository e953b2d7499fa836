import type { Command } from "../keys/bindings";
import { LOOK_COMMANDS, STEP_COMMANDS } from "../selection/commands";

const SAID: Readonly<Record<string, string>> = {
  left: "Left is closer",
  equal: "Equally close",
  right: "Right is closer",
};

/** Everything a key does on the voting page; `rate` is the situation in which every pair was voted on. */
export const COMMANDS: readonly Command[] = [
  ...STEP_COMMANDS.map((command) => ({ ...command, label: SAID[command.id] ?? command.label })),
  { id: "hand_in", label: "Hand the votes in", contexts: ["rate"], combo: "Enter" },
  ...LOOK_COMMANDS,
];
