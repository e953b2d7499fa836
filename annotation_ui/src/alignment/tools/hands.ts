import type { Pixel } from "../pose/pinhole";
import type { Modifiers } from "./gesture";

/** What a pointer over a view does to the scene. */
export interface Touched {
  /** Take hold of what is at a pixel; whether anything of the object was. */
  grip(at: Pixel): boolean;
  /** Over the view, or with the object in the hand. */
  move(at: Pixel, modifiers: Modifiers): void;
  /** The object stays where it is. */
  drop(): void;
  /** Look from elsewhere. */
  look(dx: number, dy: number, how: "turn" | "pan"): void;
  wheel(delta: number, modifiers: Modifiers): void;
  leave(): void;
}

type Held = "object" | "turn" | "pan";

/** Left drags the object, or turns the view where nothing of it is; right or middle shifts the view; the wheel zooms. */
export function watchHands(element: HTMLElement, touched: Touched, signal: AbortSignal): void {
  let held: Held | null = null;
  let last: Pixel = { x: 0, y: 0 };
  const pixelOf = (event: MouseEvent): Pixel => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const on = <K extends keyof HTMLElementEventMap>(
    kind: K,
    listener: (event: HTMLElementEventMap[K]) => void,
  ) => element.addEventListener(kind, listener, { signal, passive: false });

  on("pointerdown", (event) => {
    if (held !== null) return;
    event.preventDefault(); // keeps the focus, and so the keys, where they were
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    element.setPointerCapture(event.pointerId);
    last = pixelOf(event);
    if (event.button !== 0) held = "pan";
    else held = touched.grip(last) ? "object" : "turn";
  });
  on("pointermove", (event) => {
    const at = pixelOf(event);
    if (held === null || held === "object") touched.move(at, modifiersOf(event));
    else touched.look(at.x - last.x, at.y - last.y, held);
    last = at;
  });
  const release = () => {
    if (held === "object") touched.drop();
    held = null;
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("lostpointercapture", release);
  on("pointerleave", () => touched.leave());
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    event.preventDefault();
    touched.wheel(event.deltaY || event.deltaX, modifiersOf(event)); // Shift makes wheels turn sideways
  });
}

function modifiersOf(event: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }): Modifiers {
  return { fine: event.shiftKey, steps: event.ctrlKey || event.metaKey };
}
