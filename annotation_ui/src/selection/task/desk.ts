import { newKey } from "../../api/client";
import type { FailureReason, SelectionTask, SubmitBody } from "../../api/selections";
import type { Keyed } from "../../work/journal";
import { type ComparingApi, ComparingDesk, type StepWrite } from "./comparingDesk";
import {
  missing,
  openTask,
  type RatingDraft,
  rated,
  ratingOf,
  readDraft,
  reasoned,
  reasonWanted,
  type TaskState,
} from "./taskState";

/** The rating, which ends a selection. */
export type RatingWrite = Keyed & { kind: "submit"; winner: string; body: SubmitBody };
/** What is said about a selection. */
export type SelectionWrite = StepWrite | RatingWrite;
export type SelectionApi = ComparingApi<SelectionTask, RatingWrite>;

/** The desk of Stage 2: pairs are answered one by one, then the winner is rated. */
export class SelectionDesk extends ComparingDesk<SelectionTask, TaskState, RatingWrite, RatingDraft> {
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
    this.newPair();
    return openTask(task, draft);
  }

  protected draftOf({ given }: TaskState): RatingDraft | null {
    return given;
  }

  protected readDraft(content: unknown): RatingDraft | null {
    return readDraft(content);
  }

  protected draftOfWrite(write: SelectionWrite): RatingDraft | null {
    if (write.kind !== "submit") return null;
    return { winner: write.winner, rating: write.body.rating, reason: write.body.failure_reason ?? "" };
  }
}
