import { ApiProblem, newKey } from "../../api/client";
import type { Answer, AnswerBody, Progress } from "../../api/selections";
import type { ActiveTime } from "../../work/activeTime";
import { Desk, type DeskApi, type DeskOptions, type Write } from "../../work/desk";
import type { Keyed } from "../../work/journal";
import { ask } from "../../work/marks";
import { agree, answered, type ComparedState, type ComparedTask, stepBack } from "./tournament";

/** What is said about a pair. */
export type StepWrite = Keyed & ({ kind: "answer"; body: AnswerBody } | { kind: "undo"; token: number });
/** What the server says after it; nothing after a write that ends the task. */
export type Said = Pick<Progress, "pair" | "winner"> | null;

export interface ComparingApi<T extends ComparedTask, E extends Write>
  extends DeskApi<T, StepWrite | E, Said> {
  read(workItem: string): Promise<T>;
}

export interface ComparingOptions<T extends ComparedTask, E extends Write, D>
  extends DeskOptions<T, StepWrite | E, Said, D> {
  api: ComparingApi<T, E>;
}

/** Nobody judges a pair sooner: what comes before is a second click that was meant for the pair before. */
const LEAST_LOOK_MS = 300;
const MOVED_ON = new Set([
  "pair_moved_on",
  "tournament_finished",
  "tournament_unfinished",
  "ballot_unfinished",
  "nothing_to_undo",
]);

/**
 * A desk where pairs are answered one by one. The next pair is on the desk at once; the answers follow to the server
 * in order, and what it says counts where the two differ. How a task ends is the stage's own.
 *
 * T: task, S: its state, E: writes that end a task, D: draft.
 */
export abstract class ComparingDesk<
  T extends ComparedTask,
  S extends ComparedState<T>,
  E extends Write,
  D,
> extends Desk<T, S, StepWrite | E, Said, D> {
  readonly #read: ComparingApi<T, E>["read"];
  #pairTime: ActiveTime;
  #pairShownAt = 0;
  #readingAgain = false;

  constructor(options: ComparingOptions<T, E, D>) {
    super(options);
    this.#read = (workItem) => options.api.read(workItem);
    this.#pairTime = this.stopwatch();
  }

  override sign(): void {
    this.#pairTime.sign();
    super.sign();
  }

  async answer(answer: Answer): Promise<void> {
    const before = this.working();
    const pair = before?.standing.pair;
    if (!before || !pair || this.tooSoon) return;
    const { token, work_item: workItem } = before.task;
    const body = { token, answer, pair, duration_ms: this.#pairTime.durationMs };
    await this.#step(answered(before, answer), { key: newKey(), workItem, kind: "answer", body });
  }

  async undo(): Promise<void> {
    const before = this.working();
    if (!before || before.answers.length === 0) return;
    const { work_item: workItem, token } = before.task;
    await this.#step(stepBack(before), { key: newKey(), workItem, kind: "undo", token });
  }

  /** Give the answer again that was taken back last. */
  async redo(): Promise<void> {
    const again = this.working()?.takenBack.at(-1);
    if (again !== undefined) await this.answer(again);
  }

  protected nearEnd({ standing }: S): boolean {
    return standing.round >= standing.rounds;
  }

  /** Whether what is on the desk has come just now: a click can only be meant for what was there before. */
  protected get tooSoon(): boolean {
    return this.now() - this.#pairShownAt < LEAST_LOOK_MS;
  }

  /** To be called when a pair comes on the desk. */
  protected newPair(): void {
    this.#pairTime = this.stopwatch();
    this.#pairShownAt = this.now();
  }

  async #step(after: S, write: StepWrite): Promise<void> {
    ask("next-pair");
    this.newPair();
    this.set({ notice: null });
    this.move(after);
    try {
      const said = await this.outbox.send(write);
      const state = this.working();
      if (said === null || state?.task.work_item !== write.workItem || this.outbox.waiting > 0) return;
      if (!agree(said, state.standing)) await this.#readAgain(write.workItem);
    } catch (problem) {
      await this.#refused(write.workItem, problem);
    }
  }

  async #refused(workItem: string, problem: unknown): Promise<void> {
    if (this.working()?.task.work_item !== workItem) return;
    if (problem instanceof ApiProblem && MOVED_ON.has(problem.code)) await this.#readAgain(workItem);
    else this.halt("Your last step was not taken", problem);
  }

  async #readAgain(workItem: string): Promise<void> {
    if (this.#readingAgain) return;
    this.#readingAgain = true;
    try {
      await this.outbox.settled(); // what was said after it has its answer, too
      const task = await this.outbox.patiently(() => this.#read(workItem));
      if (this.working()?.task.work_item !== workItem) return;
      this.show(task);
      this.set({ notice: "This task has moved on in another window. This is where it stands." });
    } catch (problem) {
      this.halt("The task could not be read again", problem);
    } finally {
      this.#readingAgain = false;
    }
  }
}
