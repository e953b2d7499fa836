import type { Point } from "../../photograph/shapes";
import type { Bench, Sketch, Tool, Touch } from "./tool";

const STILL = 4; // CSS pixels that a click may wander
const LINE_RADIUS = 3; // CSS pixels

/** Points at the object for the segmenter: a click, or a line drawn over it. With Shift: at what does not belong. */
export class Pointing implements Tool {
  #points: Point[] = [];
  #negative = false;

  get sketch(): Sketch | null {
    return this.#points.length > 1
      ? { kind: "line", points: this.#points, closed: false, negative: this.#negative }
      : null;
  }

  down(touch: Touch): void {
    this.#points = [touch];
    this.#negative = touch.negative;
  }

  move(touch: Touch, bench: Bench, held: boolean): void {
    const last = this.#points.at(-1);
    if (!held || !last) return;
    if (Math.hypot(touch.x - last.x, touch.y - last.y) * bench.scale >= STILL) this.#points.push(touch);
  }

  up(touch: Touch, bench: Bench): void {
    const points = this.#points.map(({ x, y }) => ({ x, y }));
    const positive = !this.#negative;
    this.cancel();
    if (points.length > 1)
      bench.stroke({ points, radius: Math.max(0.5, LINE_RADIUS / bench.scale), positive });
    else bench.click({ x: touch.x, y: touch.y, positive });
  }

  cancel(): void {
    this.#points = [];
  }
}
