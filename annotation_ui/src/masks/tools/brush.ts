import { difference, type Mask, union } from "../../photograph/columns";
import { type Point, strokeShape } from "../../photograph/shapes";
import type { Bench, Tool, Touch } from "./tool";

/** Adds what it is drawn over, or takes it away; with Shift the other way round. */
export class Brush implements Tool {
  readonly sketch = null;
  #last: Point | null = null;
  #mask: Mask | null = null;

  constructor(private readonly adds: boolean) {}

  down(touch: Touch, bench: Bench): void {
    this.#mask = bench.mask;
    this.#last = touch;
    this.#draw(touch, bench);
  }

  move(touch: Touch, bench: Bench, held: boolean): void {
    if (held) this.#draw(touch, bench);
  }

  up(_touch: Touch, bench: Bench): void {
    if (this.#mask) bench.draw(this.#mask);
    this.cancel();
  }

  cancel(): void {
    this.#last = null;
    this.#mask = null;
  }

  #draw(touch: Touch, bench: Bench): void {
    if (!this.#mask || !this.#last) return;
    const change = this.adds !== touch.negative ? union : difference;
    this.#mask = change(this.#mask, strokeShape(this.#last, touch, bench.radius));
    this.#last = touch;
    bench.preview(this.#mask);
  }
}
