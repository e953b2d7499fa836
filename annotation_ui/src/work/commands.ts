import type { Command } from "../keys/bindings";

/** What every page of work can do besides its own. `working`: the page's situations with a task on the desk. */
export function frameCommands<const C extends string>(working: readonly C[]) {
  return [
    { id: "skip", label: "Skip…", contexts: working, combo: "KeyS" },
    { id: "go_on", label: "Go on", contexts: ["stopped"], combo: "Enter" },
    { id: "keys", label: "Keys", contexts: [...working, "stopped", "busy"], combo: "Shift+Slash" },
  ] as const satisfies readonly Command[];
}
