import { useEffect } from "react";

const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel"] as const;

/** Tell the desk whenever the person does something. */
export function useSigns(desk: { sign(): void }): void {
  useEffect(() => {
    const sign = () => desk.sign();
    for (const kind of SIGNS) window.addEventListener(kind, sign, { passive: true });
    return () => {
      for (const kind of SIGNS) window.removeEventListener(kind, sign);
    };
  }, [desk]);
}
