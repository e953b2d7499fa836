import type { Point } from "../../photograph/shapes";
import type { Bench, Sketch, Tool, Touch } from "./tool";

const STILL = 4; // CSS pixels

/** A box around the object for the segmenter: dragged, or by two clicks at opposite corners. */
export class Boxing implements Tool {
  #from: Point | null = null;
  #to: Point | null = null;
  #second = false;

  get sketch(): Sketch | null {
    return this.#from && this.#to ? { kind: "box", from: this.#from, to: this.#to } : null;
  }

  down(touch: Touch): void {
    this.#second = this.#from !== null;
    this.#from ??= touch;
    this.#to = touch;
  }

  move(touch: Touch): void {
    if (this.#from) this.#to = touch;
  }

  up(touch: Touch, bench: Bench): void {
    const from = this.#from;
    if (!from) return;
    const [width, height] = [Math.abs(touch.x - from.x), Math.abs(touch.y - from.y)];
    const flat = Math.min(width, height) * bench.scale < STILL;
    if (flat && !this.#second) return; // a click: the second corner follows
    this.cancel();
    if (flat) return;
    const { width: most, height: lowest } = bench.mask;
    bench.box({
      left: clamp(Math.min(from.x, touch.x), most),
      top: clamp(Math.min(from.y, touch.y), lowest),
      right: clamp(Math.max(from.x, touch.x), most),
      bottom: clamp(Math.max(from.y, touch.y), lowest),
    });
  }

  cancel(): void {
    this.#from = null;
    this.#to = null;
  }
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(0, value), most);
}
