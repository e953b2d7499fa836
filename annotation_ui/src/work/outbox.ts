import { ApiProblem } from "../api/client";
import type { Journal, Keyed } from "./journal";

/** How sending goes: all right, or why it waits. */
export type Connection = "ok" | "unreachable" | "signed_out";

export interface OutboxOptions<W extends Keyed, A> {
  journal: Journal<W, unknown>;
  /** Send one write; resolves with what the server says to it. */
  post: (write: W) => Promise<A>;
  onChange: () => void;
  /** Wait before trying again, or until woken. */
  pause?: (ms: number) => Promise<void>;
}

const LONGEST_PAUSE_MS = 10_000;

/**
 * Sends writes one after the other, in order, each until the server has answered it. They lie in the journal until
 * then, under the same key each time, so that nothing is lost and nothing happens twice.
 */
export class Outbox<W extends Keyed, A> {
  connection: Connection = "ok";
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(private readonly options: OutboxOptions<W, A>) {}

  /** Writes that the server has not answered. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Send it after what was sent before. Throws ApiProblem where the server refuses it. */
  send(write: W): Promise<A> {
    this.options.journal.addUnsent(write);
    return this.#enqueue(write);
  }

  /** Send again what an earlier page left unsent; refusals are reported and dropped. */
  async sendLeftOver(onRefused: (write: W, problem: ApiProblem) => void): Promise<void> {
    for (const write of this.options.journal.unsent) {
      try {
        await this.#enqueue(write);
      } catch (problem) {
        if (!(problem instanceof ApiProblem)) throw problem;
        onRefused(write, problem);
      }
    }
  }

  /** Everything sent so far has been answered. */
  async settled(): Promise<void> {
    await this.#last.catch(() => undefined);
  }

  /** Ask until there is an answer, waiting longer each time. Refusals are thrown. */
  async patiently<T>(ask: () => Promise<T>): Promise<T> {
    const pause = this.options.pause ?? pauseOrOnline;
    for (let attempt = 0; ; attempt += 1) {
      try {
        const answer = await ask();
        this.#connect("ok");
        return answer;
      } catch (problem) {
        if (!(problem instanceof ApiProblem) || !problem.passing) {
          this.#connect("ok");
          throw problem;
        }
        this.#connect(problem.signedOut ? "signed_out" : "unreachable");
        await pause(Math.min(500 * 2 ** attempt, LONGEST_PAUSE_MS));
      }
    }
  }

  #enqueue(write: W): Promise<A> {
    this.#waiting += 1;
    const sent = this.settled()
      .then(() => this.patiently(() => this.options.post(write)))
      .finally(() => {
        this.options.journal.removeUnsent(write.key);
        this.#waiting -= 1;
        this.options.onChange();
      });
    this.#last = sent;
    this.options.onChange();
    return sent;
  }

  #connect(connection: Connection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    this.options.onChange();
  }
}

function pauseOrOnline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      window.clearTimeout(timer);
      window.removeEventListener("online", wake);
      resolve();
    };
    const timer = window.setTimeout(wake, ms);
    window.addEventListener("online", wake);
  });
}
