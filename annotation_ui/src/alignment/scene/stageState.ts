import type { Pose } from "../pose/pose";
import { NO_SCORES, type Scores } from "../scores/scores";

/** What the page shows around the canvas; a new object with every change. */
export interface StageState {
  /** Id of the task that is on show, complete; null while one is on its way. */
  readonly shown: string | null;
  /** Whether the task was on the screen for a moment: what is pressed before was meant for the one before it. */
  readonly seen: boolean;
  /** The pose as it is on the screen, ahead of what was done while it is dragged. */
  readonly pose: Pose | null;
  readonly scores: Scores;
  /** Whether the scores are of this very pose; they are a few frames behind while it moves. */
  readonly scored: boolean;
  /** The scores that the task began with. */
  readonly firstScores: Scores;
  readonly throughInput: boolean;
  /** The graphics card took the canvas away; it comes back by itself. */
  readonly interrupted: boolean;
  /** Why the task cannot be shown. */
  readonly problem: string | null;
}

/** Before there is anything to show. */
export const NOTHING: StageState = {
  shown: null,
  seen: false,
  pose: null,
  scores: NO_SCORES,
  scored: false,
  firstScores: NO_SCORES,
  throughInput: false,
  interrupted: false,
  problem: null,
};

/** Holds what is shown, and tells whoever listens of every change. */
export class Showcase {
  #now = NOTHING;
  readonly #listeners = new Set<() => void>();

  readonly now = (): StageState => this.#now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(change: Partial<StageState>): void {
    this.#now = { ...this.#now, ...change };
    for (const listener of this.#listeners) listener();
  }
}
