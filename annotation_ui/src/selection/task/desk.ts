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
import {
  answering,
  missing,
  openTask,
  progressed,
  type RatingDraft,
  rated,
  readDraft,
  reasoned,
  reasonWanted,
  type TaskState,
  undoing,
} from "./taskState";

/** What is said about a selection. */
export type SelectionWrite = Keyed &
  (
    | { kind: "answer"; body: AnswerBody }
    | { kind: "undo"; token: number }
    | { kind: "submit"; body: SubmitBody }
  );

export interface SelectionApi extends DeskApi<SelectionTask, SelectionWrite, Progress | null> {
  read(workItem: string): Promise<SelectionTask>;
}

interface Options extends DeskOptions<SelectionTask, SelectionWrite, Progress | null, RatingDraft> {
  api: SelectionApi;
}

const MOVED_ON = new Set([
  "pair_moved_on",
  "tournament_finished",
  "tournament_unfinished",
  "nothing_to_undo",
]);

/** The desk of Stage 2: pairs are answered one by one, then the winner is rated. */
export class SelectionDesk extends Desk<
  SelectionTask,
  TaskState,
  SelectionWrite,
  Progress | null,
  RatingDraft
> {
  readonly #read: SelectionApi["read"];
  #pairTime: ActiveTime;

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
    const state = this.working();
    const asked = state && answering(state, answer);
    if (!asked || asked === state) return;
    const { task, progress } = asked;
    const duration_ms = this.#pairTime.durationMs;
    const body = { token: task.token, answer, round: progress.round, duration_ms };
    await this.#step(asked, { key: newKey(), workItem: task.work_item, kind: "answer", body });
  }

  async undo(): Promise<void> {
    const state = this.working();
    const asked = state && undoing(state);
    if (!asked || asked === state) return;
    const { work_item: workItem, token } = asked.task;
    await this.#step(asked, { key: newKey(), workItem, kind: "undo", token });
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
    if (lacking !== null || state.rating === null) {
      this.set({ notice: lacking });
      return;
    }
    const { task } = state;
    const body = {
      token: task.token,
      rating: state.rating,
      failure_reason: reasonWanted(state) ? state.reason : "",
      duration_ms: this.taskTime.durationMs,
      guideline_version: task.guidelines.version,
    } as const;
    await this.finish({ key: newKey(), workItem: task.work_item, kind: "submit", body });
  }

  protected open(task: SelectionTask, draft: RatingDraft | null): TaskState {
    this.#pairTime = this.stopwatch();
    return openTask(task, draft);
  }

  protected draftOf({ rating, reason }: TaskState): RatingDraft | null {
    return rating === null ? null : { rating, reason };
  }

  protected readDraft(content: unknown): RatingDraft | null {
    return readDraft(content);
  }

  protected nearEnd({ progress }: TaskState): boolean {
    return progress.round >= progress.rounds;
  }

  protected draftOfWrite(write: SelectionWrite): RatingDraft | null {
    return write.kind === "submit" ? { rating: write.body.rating, reason: write.body.failure_reason } : null;
  }

  async #step(asked: TaskState, write: SelectionWrite): Promise<void> {
    this.set({ situation: { kind: "working", state: asked }, notice: null });
    try {
      const progress = await this.outbox.send(write);
      const state = this.working();
      if (progress === null || state?.task.work_item !== write.workItem) return;
      this.#pairTime = this.stopwatch();
      this.move(progressed(state, progress));
    } catch (problem) {
      await this.#refused(write.workItem, problem);
    }
  }

  async #refused(workItem: string, problem: unknown): Promise<void> {
    if (this.working()?.task.work_item !== workItem) return;
    if (!(problem instanceof ApiProblem) || !MOVED_ON.has(problem.code)) {
      this.halt("Your last step was not taken", problem);
      return;
    }
    try {
      this.show(await this.outbox.patiently(() => this.#read(workItem)));
      this.set({ notice: "This task has moved on in another window. This is where it stands." });
    } catch (again) {
      this.halt("The task could not be read again", again);
    }
  }
}
