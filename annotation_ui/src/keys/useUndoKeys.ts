import { useEffect } from "react";

/** Ctrl+Z and Ctrl+Shift+Z (⌘ on a Mac) undo and redo as everywhere, beside the keys that can be chosen. */
export function useUndoKeys(active: boolean, run: (id: string) => void): void {
  useEffect(() => {
    if (!active) return;
    const onKeyDown = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea");
      if (!(event.ctrlKey || event.metaKey) || event.altKey || event.code !== "KeyZ" || typing) return;
      event.preventDefault();
      run(event.shiftKey ? "redo" : "undo");
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [active, run]);
}
