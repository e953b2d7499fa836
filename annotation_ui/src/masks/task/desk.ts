import { newKey } from "../../api/client";
import type { DiscardReason, MaskTask, MaskVerdict } from "../../api/masks";
import { Desk } from "../../work/desk";
import type { Keyed } from "../../work/journal";
import {
  draftOf,
  drawn,
  isRefined,
  type MaskDraft,
  type MaskState,
  missing,
  openMask,
  readDraft,
  redone,
  undone,
} from "./maskState";

export type MaskWrite = Keyed & { kind: "submit"; body: MaskVerdict };

/** The desk of Stage 1: a mask is verified, refined or discarded. */
export class MaskDesk extends Desk<MaskTask, MaskState, MaskWrite, void, MaskDraft> {
  draw(runs: readonly number[]): void {
    const state = this.working();
    if (state) this.edit(drawn(state, runs));
  }

  undo(): void {
    const state = this.working();
    if (state) this.edit(undone(state));
  }

  redo(): void {
    const state = this.working();
    if (state) this.edit(redone(state));
  }

  setCategory(category: string): void {
    const state = this.working();
    if (state) this.edit({ ...state, category });
  }

  /** The mask stands: as it was proposed, or as it was drawn. */
  async accept(): Promise<void> {
    const state = this.working();
    if (!state) return;
    const lacking = missing(state);
    if (lacking !== null) return this.set({ notice: lacking });
    const { height, width } = state.task.mask;
    const mask = isRefined(state) ? { height, width, counts: [...state.runs] } : null;
    await this.#submit(state, { verdict: mask ? "refine" : "verify", discard_reason: "", mask });
  }

  async discard(reason: DiscardReason): Promise<void> {
    const state = this.working();
    if (state) await this.#submit(state, { verdict: "discard", discard_reason: reason, mask: null });
  }

  protected open(task: MaskTask, draft: MaskDraft | null): MaskState {
    return openMask(task, draft);
  }

  protected draftOf(state: MaskState): MaskDraft | null {
    return draftOf(state);
  }

  protected readDraft(content: unknown): MaskDraft | null {
    return readDraft(content);
  }

  protected nearEnd(): boolean {
    return true; // a mask takes seconds
  }

  protected draftOfWrite({ body }: MaskWrite): MaskDraft | null {
    return body.mask ? { category: body.category, runs: body.mask.counts } : null;
  }

  async #submit(
    { task, category }: MaskState,
    verdict: Pick<MaskVerdict, "verdict" | "discard_reason" | "mask">,
  ): Promise<void> {
    const corrected = category.trim() === task.category ? "" : category.trim();
    const body = {
      ...verdict,
      token: task.token,
      category: verdict.verdict === "discard" ? "" : corrected,
      duration_ms: this.taskTime.durationMs,
      guideline_version: task.guidelines.version,
    };
    await this.finish({ key: newKey(), workItem: task.work_item, kind: "submit", body });
  }
}
