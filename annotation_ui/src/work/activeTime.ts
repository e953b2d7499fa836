/** Counts the time that somebody is really at work: gaps without a sign of them count up to `idleAfterMs`. */
export class ActiveTime {
  #activeMs: number;
  #lastSignAt: number;

  constructor(
    private readonly now: () => number,
    private readonly idleAfterMs: number,
    startMs = 0,
  ) {
    this.#activeMs = startMs;
    this.#lastSignAt = now();
  }

  /** The person moved, pressed or turned something. */
  sign(): void {
    this.#activeMs += this.#sinceLastSign();
    this.#lastSignAt = this.now();
  }

  /** Nothing came from the person for so long that nobody seems to be there. */
  get idle(): boolean {
    return this.now() - this.#lastSignAt >= this.idleAfterMs;
  }

  get durationMs(): number {
    return Math.round(this.#activeMs + this.#sinceLastSign());
  }

  #sinceLastSign(): number {
    return Math.min(Math.max(0, this.now() - this.#lastSignAt), this.idleAfterMs);
  }
}
