import type { Tool } from "./tool";

/** Moves the photograph: the view does that for the middle and right button as well, so nothing is left to do here. */
export class Hand implements Tool {
  readonly sketch = null;
  down(): void {}
  move(): void {}
  up(): void {}
  cancel(): void {}
}
