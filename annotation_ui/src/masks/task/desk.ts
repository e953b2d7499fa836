import { ApiProblem, newKey } from "../../api/client";
import type {
  AssistBox,
  Assisted,
  AssistPrompts,
  DiscardReason,
  FurtherObject,
  MaskTask,
  MaskVerdict,
} from "../../api/masks";
import { area, type Mask, maskOf, runLengths } from "../../photograph/columns";
import { Desk, type DeskOptions } from "../../work/desk";
import type { Keyed } from "../../work/journal";
import { seen } from "../../work/marks";
import {
  answered,
  asking,
  baseFor,
  begunFurther,
  type Click,
  draftOf,
  drawn,
  endedFurther,
  isRefined,
  type MaskDraft,
  type MaskState,
  missing,
  NO_PROMPTS,
  openMask,
  type Prompts,
  readDraft,
  redone,
  type Stroke,
  unasked,
  undone,
  words,
} from "./maskState";

export type MaskWrite =
  | (Keyed & { kind: "submit"; body: MaskVerdict })
  | (Keyed & { kind: "further"; body: FurtherObject });

/** Asks the segmenter; aborted where another question follows. */
export type Assist = (workItem: string, prompts: AssistPrompts, signal: AbortSignal) => Promise<Assisted>;

/** The desk of Stage 1: a mask is verified, refined, discarded, or marked where nothing was proposed. */
export class MaskDesk extends Desk<MaskTask, MaskState, MaskWrite, void, MaskDraft> {
  readonly #assist: Assist;
  #question: AbortController | null = null;

  constructor({
    assist,
    ...options
  }: DeskOptions<MaskTask, MaskWrite, void, MaskDraft> & { assist: Assist }) {
    super(options);
    this.#assist = assist;
  }

  /** The mask was drawn on by hand. */
  draw(mask: Mask): void {
    this.#change((state) => drawn(unasked(state), mask));
  }

  /** Point at something that belongs to the object, or does not. */
  click(click: Click): void {
    void this.#ask((prompts) => ({ ...prompts, clicks: [...prompts.clicks, click] }));
  }

  /** Point with a line. */
  stroke(stroke: Stroke): void {
    void this.#ask((prompts) => ({ ...prompts, strokes: [...prompts.strokes, stroke] }));
  }

  /** Draw a box around the object: begins afresh. */
  box(box: AssistBox): void {
    void this.#ask(() => ({ ...NO_PROMPTS, box }));
  }

  undo(): void {
    this.#change(undone);
  }

  redo(): void {
    this.#change(redone);
  }

  setCategory(category: string): void {
    this.#change((state) => ({ ...state, category }));
  }

  /** Another object stands out as well: mark it before the task itself. */
  beginFurther(): void {
    this.#change(begunFurther);
  }

  /** Back to the task's own object, without the other one. */
  leaveFurther(): void {
    this.#change((state) => endedFurther(state, null));
  }

  /** Send what is marked: the proposal as it stands or as it was refined, an object marked first, or a further one. */
  async accept(): Promise<void> {
    const state = this.working();
    if (!state) return;
    const lacking = missing(state);
    if (lacking !== null) return this.set({ notice: lacking });
    if (state.asked !== null) return this.set({ notice: "The segmenter is still at work: a moment." });
    if (state.aside !== null) return this.#sendFurther(state);
    const proposing = state.task.wants_proposal;
    const verdict = proposing ? "propose" : isRefined(state) ? "refine" : "verify";
    const mask = verdict === "verify" ? null : runsOf(state.step.mask);
    await this.#submit(state, { verdict, discard_reason: "", mask });
  }

  async discard(reason: DiscardReason): Promise<void> {
    const state = this.working();
    if (!state || state.aside !== null) return;
    await this.#submit(state, { verdict: "discard", discard_reason: reason, mask: null });
  }

  protected open(task: MaskTask, draft: MaskDraft | null): MaskState {
    this.#question?.abort();
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

  protected draftOfWrite(write: MaskWrite): MaskDraft | null {
    if (write.kind === "further" || !write.body.mask) return null;
    return { category: write.body.category, runs: write.body.mask.counts };
  }

  #change(change: (state: MaskState) => MaskState): void {
    const state = this.working();
    if (!state) return;
    const next = change(state);
    if (next.asked === null) this.#question?.abort();
    this.edit(next);
  }

  async #ask(more: (prompts: Prompts) => Prompts): Promise<void> {
    const state = this.working();
    if (!state) return;
    this.#question?.abort();
    const question = new AbortController();
    const askedAt = performance.now();
    this.#question = question;
    const prompts = more(state.asked ?? state.step.prompts);
    this.edit(asking(state, prompts));
    const base = baseFor(state, prompts);
    const body: AssistPrompts = {
      clicks: [...prompts.clicks],
      strokes: prompts.strokes.map((stroke) => ({ ...stroke, points: [...stroke.points] })),
      box: prompts.box,
      prior: area(base) > 0 ? runsOf(base) : null,
    };
    try {
      const { mask } = await this.#assist(state.task.work_item, body, question.signal);
      if (question.signal.aborted) return;
      this.#change((now) => answered(now, prompts, maskOf(mask)));
      seen("assist", askedAt);
    } catch (problem) {
      if (question.signal.aborted) return;
      this.#change(unasked);
      const unreachable = problem instanceof ApiProblem && problem.passing && problem.status !== 503;
      const why = problem instanceof Error ? problem.message : String(problem);
      this.set({
        notice: unreachable
          ? "The segmenter cannot be reached. Brush, eraser and polygon go on working."
          : why,
      });
    }
  }

  #sendFurther(state: MaskState): void {
    const { task, category, step } = state;
    const body = { token: task.token, mask: runsOf(step.mask), category: category.trim() };
    const write = { key: newKey(), workItem: task.work_item, kind: "further" as const, body };
    this.edit(endedFurther(state, step.mask));
    this.outbox.send(write).then(
      () => this.set({ notice: "The other object is stored and becomes a task of its own." }),
      (problem: unknown) =>
        this.set({
          notice: `The other object was not taken: ${problem instanceof Error ? problem.message : problem}`,
        }),
    );
  }

  async #submit(
    { task, category }: MaskState,
    verdict: Pick<MaskVerdict, "verdict" | "discard_reason" | "mask">,
  ): Promise<void> {
    const corrected = category.trim() === words(task.category) ? "" : category.trim();
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

function runsOf(mask: Mask): { height: number; width: number; counts: number[] } {
  return { height: mask.height, width: mask.width, counts: runLengths(mask) };
}
