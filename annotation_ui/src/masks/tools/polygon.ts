import { difference, union } from "../../photograph/columns";
import { type Point, polygonShape } from "../../photograph/shapes";
import type { Bench, Sketch, Tool, Touch } from "./tool";

const NEAR = 10; // CSS pixels: a click so near to the first corner closes

/** Corner by corner; a click on the first corner closes. Adds what it encloses; begun with Shift, cuts it out. */
export class Polygon implements Tool {
  #corners: Point[] = [];
  #at: Point | null = null;
  #negative = false;

  get sketch(): Sketch | null {
    if (this.#corners.length === 0) return null;
    const points = this.#at ? [...this.#corners, this.#at] : this.#corners;
    return { kind: "line", points, closed: points.length > 2, negative: this.#negative };
  }

  down(touch: Touch, bench: Bench): void {
    const [first] = this.#corners;
    if (first && this.#corners.length > 2 && distance(first, touch) * bench.scale < NEAR) {
      this.finish(bench);
      return;
    }
    if (!first) this.#negative = touch.negative;
    this.#corners = [...this.#corners, { x: touch.x, y: touch.y }];
    this.#at = touch;
  }

  move(touch: Touch, bench: Bench, held: boolean): void {
    this.#at = touch;
    const last = this.#corners.at(-1);
    if (held && last && distance(last, touch) * bench.scale > NEAR) this.#corners = [...this.#corners, touch]; // a lasso
  }

  up(): void {}

  finish(bench: Bench): boolean {
    if (this.#corners.length === 0) return false;
    const change = this.#negative ? difference : union;
    const shape = polygonShape(this.#corners);
    this.cancel();
    bench.draw(change(bench.mask, shape));
    return true;
  }

  cancel(): void {
    this.#corners = [];
    this.#at = null;
  }
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
