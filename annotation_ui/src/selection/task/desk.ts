import { ApiProblem, newKey } from "../../api/client";
import type {
  Answer,
  AnswerBody,
  FailureReason,
  Progress,
  SelectionTask,
  SubmitBody,
} from "../../api/selections";
import type { ActiveTime } from "../../work/activeTime";
import { Desk, type DeskApi, type DeskOptions } from "../../work/desk";
import type { Keyed } from "../../work/journal";
import { ask } from "../../work/marks";
import {
  answered,
  missing,
  openTask,
  type RatingDraft,
  rated,
  ratingOf,
  readDraft,
  reasoned,
  reasonWanted,
  stepBack,
  type TaskState,
} from "./taskState";
import { agree } from "./tournament";

/** What is said about a selection. */
export type SelectionWrite = Keyed &
  (
    | { kind: "answer"; body: AnswerBody }
    | { kind: "undo"; token: number }
    | { kind: "submit"; winner: string; body: SubmitBody }
  );

export interface SelectionApi extends DeskApi<SelectionTask, SelectionWrite, Progress | null> {
  read(workItem: string): Promise<SelectionTask>;
}

interface Options extends DeskOptions<SelectionTask, SelectionWrite, Progress | null, RatingDraft> {
  api: SelectionApi;
}

/** Nobody judges a pair sooner: what comes before is a second click that was meant for the pair before. */
const LEAST_LOOK_MS = 300;
const MOVED_ON = new Set([
  "pair_moved_on",
  "tournament_finished",
  "tournament_unfinished",
  "nothing_to_undo",
]);

/**
 * The desk of Stage 2: pairs are answered one by one, then the winner is rated. The next pair is on the desk at once;
 * the answers follow to the server in order, and what it says counts where the two differ.
 */
export class SelectionDesk extends Desk<
  SelectionTask,
  TaskState,
  SelectionWrite,
  Progress | null,
  RatingDraft
> {
  readonly #read: SelectionApi["read"];
  #pairTime: ActiveTime;
  #pairShownAt = 0;
  #readingAgain = false;

  constructor(options: Options) {
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
    if (!before || !pair || this.now() - this.#pairShownAt < LEAST_LOOK_MS) return;
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

  rate(rating: number): void {
    const state = this.working();
    if (state) this.edit(rated(state, rating));
  }

  giveReason(reason: FailureReason): void {
    const state = this.working();
    if (state) this.edit(reasoned(state, reason));
  }

  /** Send the rating and go on at once; what is missing is said instead. */
  async submit(): Promise<void> {
    const state = this.working();
    if (!state) return;
    const lacking = missing(state);
    const given = ratingOf(state);
    if (lacking !== null || given === null) {
      this.set({ notice: lacking });
      return;
    }
    const { task } = state;
    const body = {
      token: task.token,
      rating: given.rating,
      failure_reason: reasonWanted(state) ? given.reason : "",
      duration_ms: this.taskTime.durationMs,
      guideline_version: task.guidelines.version,
      rubric_version: task.rubric.version,
    } as const;
    await this.finish({
      key: newKey(),
      workItem: task.work_item,
      kind: "submit",
      winner: given.winner,
      body,
    });
  }

  protected open(task: SelectionTask, draft: RatingDraft | null): TaskState {
    this.#newPair();
    return openTask(task, draft);
  }

  protected draftOf({ given }: TaskState): RatingDraft | null {
    return given;
  }

  protected readDraft(content: unknown): RatingDraft | null {
    return readDraft(content);
  }

  protected nearEnd({ standing }: TaskState): boolean {
    return standing.round >= standing.rounds;
  }

  protected draftOfWrite(write: SelectionWrite): RatingDraft | null {
    if (write.kind !== "submit") return null;
    return { winner: write.winner, rating: write.body.rating, reason: write.body.failure_reason ?? "" };
  }

  async #step(after: TaskState, write: SelectionWrite): Promise<void> {
    ask("next-pair");
    this.#newPair();
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

  #newPair(): void {
    this.#pairTime = this.stopwatch();
    this.#pairShownAt = this.now();
  }
}
