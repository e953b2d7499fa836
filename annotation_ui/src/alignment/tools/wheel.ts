const ENDS_MS = 250;

/** Turns of a wheel that follow one another closely are one: it ends when the wheel rests, or when it has to. */
export class Wheel {
  #rests: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly onEnd: () => void) {}

  /** It turned. */
  turned(): void {
    clearTimeout(this.#rests);
    this.#rests = setTimeout(() => this.settle(), ENDS_MS);
  }

  /** What it did counts as done. */
  settle(): void {
    if (this.#rests === undefined) return;
    this.stop();
    this.onEnd();
  }

  /** Nothing comes of it. */
  stop(): void {
    clearTimeout(this.#rests);
    this.#rests = undefined;
  }
}
