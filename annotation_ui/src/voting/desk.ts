import type { BallotTask, HandInBody } from "../api/ballots";
import { newKey } from "../api/client";
import { ComparingDesk } from "../selection/task/comparingDesk";
import { type ComparedState, openCompared } from "../selection/task/tournament";
import type { Keyed } from "../work/journal";

/** What ends a ballot. */
export type HandInWrite = Keyed & { kind: "hand_in"; body: HandInBody };
export type BallotState = ComparedState<BallotTask>;

/** The desk of an evaluation: one vote per pair, then the ballot is handed in. Nothing is rated, so nothing is a draft. */
export class VotingDesk extends ComparingDesk<BallotTask, BallotState, HandInWrite, never> {
  /** Hand the votes in and go on at once; that pairs are left is said instead. */
  async handIn(): Promise<void> {
    const state = this.working();
    if (!state || this.tooSoon) return; // a double click on the last pair hands nothing in
    if (state.standing.winner === null) {
      this.set({ notice: "Vote on the remaining pairs first." });
      return;
    }
    const { task } = state;
    const body = {
      token: task.token,
      duration_ms: this.taskTime.durationMs,
      guideline_version: task.guidelines.version,
    };
    await this.finish({ key: newKey(), workItem: task.work_item, kind: "hand_in", body });
  }

  protected open(task: BallotTask): BallotState {
    this.newPair();
    return openCompared(task);
  }

  protected draftOf(): null {
    return null;
  }

  protected readDraft(): null {
    return null;
  }

  protected draftOfWrite(): null {
    return null;
  }
}
