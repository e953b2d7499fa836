import type { AlignmentTask, NotAlignable, SubmitAlignment } from "../../api/alignments";
import { newKey } from "../../api/client";
import { Desk } from "../../work/desk";
import type { Keyed } from "../../work/journal";
import { type Pose, problemOf, samePose } from "../pose/pose";
import type { Scores } from "../scores/scores";
import {
  type Aid,
  type AlignmentDraft,
  type AlignmentState,
  begun,
  draftOf,
  type EditKind,
  helped,
  openAlignment,
  placed,
  readDraft,
  reportOf,
  stepBack,
  stepForward,
} from "./alignmentState";

export type AlignmentWrite = Keyed & { kind: "submit"; body: SubmitAlignment; draft: AlignmentDraft | null };

type Answer = Omit<SubmitAlignment, "token" | "assistance" | "duration_ms" | "guideline_version">;

/** The desk of Stage 3: a shape is placed, or said to be not alignable. */
export class AlignmentDesk extends Desk<AlignmentTask, AlignmentState, AlignmentWrite, void, AlignmentDraft> {
  begin(pose: Pose): void {
    const state = this.working();
    if (state?.pose === null) this.set({ situation: { kind: "working", state: begun(state, pose) } });
  }

  place(pose: Pose, kind: EditKind): void {
    this.#change((state) => placed(state, pose, kind, this.now()));
  }

  /** Help proposed `pose`, and the person took it; null: none of its proposals. */
  help(use: { aid: Aid; pose: Pose | null; before: Scores; after: Scores }): void {
    this.#change((state) => helped(state, use, this.now()));
  }

  undo(): void {
    this.#change(stepBack);
  }

  redo(): void {
    this.#change(stepForward);
  }

  say(notice: string): void {
    this.set({ notice });
  }

  /** Hand a task's pose in with what the page measured of it; what stands against it is said instead. */
  async submit(task: AlignmentTask, pose: Pose, scores: Scores): Promise<void> {
    const state = this.working();
    if (state?.task !== task || !state.pose || !samePose(pose, state.pose)) return; // it has moved on meanwhile
    const problem = problemOf(state.pose, state.task.point_map.intrinsics);
    if (problem !== null) return this.set({ notice: problem });
    const { rotation_wxyz, translation, scale } = state.pose;
    await this.#handIn(state, {
      not_alignable: "",
      pose: { rotation_wxyz: [...rotation_wxyz], translation: [...translation], scale: [...scale] },
      client_silhouette_iou: scores.silhouetteIou,
      client_inlier_share: scores.inlierShare,
    });
  }

  async refuse(reason: NotAlignable): Promise<void> {
    const state = this.working();
    if (state) await this.#handIn(state, { not_alignable: reason });
  }

  protected open(task: AlignmentTask, draft: AlignmentDraft | null): AlignmentState {
    return openAlignment(task, draft);
  }

  protected draftOf(state: AlignmentState): AlignmentDraft | null {
    return draftOf(state);
  }

  protected readDraft(content: unknown): AlignmentDraft | null {
    return readDraft(content);
  }

  protected nearEnd(): boolean {
    return true; // the next scene takes longest to load: it is wanted as soon as this one is on the desk
  }

  protected draftOfWrite({ draft }: AlignmentWrite): AlignmentDraft | null {
    return draft;
  }

  #change(change: (state: AlignmentState) => AlignmentState): void {
    const state = this.working();
    if (state) this.edit(change(state));
  }

  async #handIn(state: AlignmentState, answer: Answer): Promise<void> {
    const { task } = state;
    const body: SubmitAlignment = {
      ...answer,
      token: task.token,
      assistance: reportOf(state),
      duration_ms: this.taskTime.durationMs,
      guideline_version: task.guidelines.version,
    };
    const draft = draftOf(state);
    await this.finish({ key: newKey(), workItem: task.work_item, kind: "submit", body, draft });
  }
}
