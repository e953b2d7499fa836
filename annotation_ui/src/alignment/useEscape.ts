import { useEffect, useRef } from "react";

/** Escape calls off what is in the hand. It cannot be bound to anything else. */
export function useEscape(active: boolean, callOff: () => void): void {
  const current = useRef(callOff);
  current.current = callOff;
  useEffect(() => {
    if (!active) return;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.code === "Escape" && !event.defaultPrevented) current.current();
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [active]);
}
