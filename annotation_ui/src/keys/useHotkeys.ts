import { useEffect, useRef } from "react";
import { type Bindings, type Command, comboOf, commandFor } from "./bindings";

const TYPING = "input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable=true]";

/** Whether the key belongs to what has the focus: text being typed, a button that Enter presses, a slider. */
function belongsToFocus(event: KeyboardEvent): boolean {
  const focused = event.target instanceof Element ? event.target : null;
  if (focused === null) return false;
  if (focused.closest(TYPING) || focused.closest("[role=dialog]")) return true;
  if (focused.closest("[role=slider], [role=radiogroup]") && /^(Arrow|Home|End)/.test(event.code))
    return true;
  return (event.code === "Enter" || event.code === "Space") && focused.closest("button, a[href]") !== null;
}

/** Call `run` with the id of the command whose key is pressed in this situation. A held key calls once. */
export function useHotkeys(
  commands: readonly Command[],
  bindings: Bindings,
  context: string,
  run: (id: string) => void,
): void {
  const current = useRef({ commands, bindings, context, run });
  current.current = { commands, bindings, context, run };
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const combo = comboOf(event);
      if (combo === null || event.defaultPrevented || belongsToFocus(event)) return;
      const now = current.current;
      const command = commandFor(now.commands, now.bindings, combo, now.context);
      if (command === undefined) return;
      event.preventDefault();
      if (!event.repeat || command.repeats) now.run(command.id);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}
