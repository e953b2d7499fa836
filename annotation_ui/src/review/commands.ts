import type { Command } from "../keys/bindings";

const ALWAYS = ["queue"] as const;
const STAGES = ["mask", "selection", "alignment"] as const;

/** All that keys do on the reviewer's page. `judgement`: one is on show. */
export const COMMANDS = [
  { id: "next", label: "Next judgement", contexts: ALWAYS, combo: "ArrowDown", repeats: true },
  { id: "previous", label: "Previous judgement", contexts: ALWAYS, combo: "ArrowUp", repeats: true },
  { id: "accept", label: "Accept", contexts: ALWAYS, combo: "KeyA" },
  { id: "return", label: "Return with a note…", contexts: ALWAYS, combo: "KeyR" },
  { id: "requeue", label: "Re-queue for somebody else", contexts: ALWAYS, combo: "KeyQ" },
  { id: "gold", label: "Mark as gold, or no more", contexts: ALWAYS, combo: "KeyG" },
  { id: "ask", label: "Ask somebody else", contexts: ALWAYS, combo: "KeyO" },
  { id: "photo", label: "Show the photograph otherwise", contexts: ALWAYS, combo: "KeyV" },
  { id: "proposal", label: "Show the proposal, or the answer", contexts: ALWAYS, combo: "KeyP" },
  { id: "round_before", label: "Comparison before", contexts: ALWAYS, combo: "ArrowLeft", repeats: true },
  { id: "round_after", label: "Comparison after", contexts: ALWAYS, combo: "ArrowRight", repeats: true },
  { id: "rotation", label: "Turn, or stand still", contexts: ALWAYS, combo: "KeyT" },
  { id: "linked", label: "Both together, or each alone", contexts: ALWAYS, combo: "KeyL" },
  { id: "start_view", label: "Start view", contexts: ALWAYS, combo: "Home" },
  { id: "stage1", label: "Masks", contexts: ALWAYS, combo: "Digit1" },
  { id: "stage2", label: "Selections", contexts: ALWAYS, combo: "Digit2" },
  { id: "stage3", label: "Poses", contexts: ALWAYS, combo: "Digit3" },
  { id: "people", label: "Agreement", contexts: ALWAYS, combo: "Digit4" },
  { id: "keys", label: "Keys", contexts: ALWAYS, combo: "Shift+Slash" },
] as const satisfies readonly Command[];

export type CommandId = (typeof COMMANDS)[number]["id"];

/** The stage that a command shows. */
export function stageOf(command: string): (typeof STAGES)[number] | undefined {
  return STAGES[Number(/^stage(\d)$/.exec(command)?.[1]) - 1];
}
