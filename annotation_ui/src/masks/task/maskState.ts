import type { AssistBox, DiscardReason, MaskTask } from "../../api/masks";
import { area, emptyMask, type Mask, maskOf, runLengths, sameMask } from "../../photograph/columns";
import type { Point } from "../../photograph/shapes";

export interface Click extends Point {
  readonly positive: boolean;
}

export interface Stroke {
  readonly points: readonly Point[];
  readonly radius: number;
  readonly positive: boolean;
}

/** What was pointed at since `Step.base`; the segmenter gets all of it each time. */
export interface Prompts {
  readonly clicks: readonly Click[];
  readonly strokes: readonly Stroke[];
  readonly box: AssistBox | null;
}

export const NO_PROMPTS: Prompts = { clicks: [], strokes: [], box: null };

/** One step of the work: the mask, and how it was got from `base` where the segmenter helped. */
export interface Step {
  readonly mask: Mask;
  readonly base: Mask;
  readonly prompts: Prompts;
}

/** An object being marked: its mask with every earlier and undone step, and its category. */
export interface Marking {
  readonly category: string;
  readonly step: Step;
  readonly past: readonly Step[];
  readonly future: readonly Step[];
}

/** A Stage 1 task in work. `asked` waits for the segmenter; `aside` is the task's own object while another is marked. */
export interface MaskState extends Marking {
  readonly task: MaskTask;
  readonly proposed: Mask;
  readonly asked: Prompts | null;
  readonly aside: Marking | null;
}

interface MarkingDraft {
  readonly category: string;
  /** Only where the mask was changed. */
  readonly runs: readonly number[] | null;
}

/** What of a task is unsent; `further` is another object begun and not sent. */
export interface MaskDraft extends MarkingDraft {
  readonly further?: MarkingDraft;
}

export const REASONS: readonly { value: DiscardReason; label: string }[] = [
  { value: "low_quality", label: "low quality" },
  { value: "several_objects", label: "several objects" },
  { value: "partial", label: "partial" },
  { value: "no_salient_object", label: "no salient object" },
];

const MOST_STEPS = 200;

export function openMask(task: MaskTask, draft: MaskDraft | null = null): MaskState {
  const proposed = maskOf(task.mask);
  const state: MaskState = {
    task,
    proposed,
    category: draft?.category ?? words(task.category),
    ...begun(proposed, fitting(task, draft?.runs)),
    asked: null,
    aside: null,
  };
  if (!draft?.further) return state;
  const { category, runs } = draft.further;
  const empty = emptyMask(proposed.width, proposed.height);
  return { ...state, category, ...begun(empty, fitting(task, runs)), aside: markingOf(state) };
}

/** The mask was drawn on. */
export function drawn(state: MaskState, mask: Mask): MaskState {
  if (sameMask(mask, state.step.mask)) return state;
  return stepped(state, { mask, base: mask, prompts: NO_PROMPTS });
}

/** The segmenter is asked with `prompts`. */
export function asking(state: MaskState, prompts: Prompts): MaskState {
  return { ...state, asked: prompts };
}

/** The segmenter answered to `prompts`. Anything else asked since counts more. */
export function answered(state: MaskState, prompts: Prompts, mask: Mask): MaskState {
  if (state.asked !== prompts) return state;
  return stepped({ ...state, asked: null }, { mask, base: baseFor(state, prompts), prompts });
}

/** What the segmenter is to correct: the mask before it was first asked. A box starts afresh. */
export function baseFor(state: MaskState, prompts: Prompts): Mask {
  if (prompts.box !== null) return emptyMask(state.proposed.width, state.proposed.height);
  return hasPrompts(state.step.prompts) ? state.step.base : state.step.mask;
}

/** The last question is withdrawn, without it or after it failed. */
export function unasked(state: MaskState): MaskState {
  return state.asked === null ? state : { ...state, asked: null };
}

export function undone(state: MaskState): MaskState {
  if (state.asked !== null) return unasked(state);
  const before = state.past.at(-1);
  if (!before) return state;
  return { ...state, step: before, past: state.past.slice(0, -1), future: [state.step, ...state.future] };
}

export function redone(state: MaskState): MaskState {
  const [after, ...future] = state.future;
  if (!after) return state;
  return { ...state, asked: null, step: after, past: [...state.past, state.step], future };
}

/** Put the task's object aside and mark another one. */
export function begunFurther(state: MaskState): MaskState {
  if (state.aside !== null) return state;
  const { width, height } = state.proposed;
  const empty = begun(emptyMask(width, height), null);
  return { ...state, ...empty, asked: null, category: "", aside: markingOf(state) };
}

/** Back to the task's own object; `marked` was sent and is one of the others from now on. */
export function endedFurther(state: MaskState, marked: Mask | null): MaskState {
  if (state.aside === null) return state;
  const { width, height } = state.proposed;
  const others = marked && [...state.task.marked, { width, height, counts: runLengths(marked) }];
  return {
    ...state,
    ...state.aside,
    asked: null,
    aside: null,
    ...(others && { task: { ...state.task, marked: others } }),
  };
}

/** Whether the mask is another one than was proposed. */
export function isRefined(state: MaskState): boolean {
  return !sameMask(state.step.mask, state.proposed);
}

/** Why the mask cannot be sent; null when it can. */
export function missing(state: MaskState): string | null {
  if (area(state.step.mask) > 0) return null;
  return state.task.wants_proposal || state.aside !== null
    ? "Nothing is marked yet: click on the object, draw a box around it, or use the brush."
    : "The mask is empty: mark the object, or discard the task.";
}

export function draftOf(state: MaskState): MaskDraft | null {
  const own = draftOfMarking(state.aside ?? state, state.proposed, words(state.task.category));
  if (state.aside === null) return own;
  const empty = emptyMask(state.proposed.width, state.proposed.height);
  const further = draftOfMarking(state, empty, "");
  if (further === null) return own;
  return { category: words(state.task.category), runs: null, ...own, further };
}

/** Read a draft that came from outside; null where it says nothing. */
export function readDraft(content: unknown): MaskDraft | null {
  const own = readMarking(content);
  const further = own && readMarking((content as Record<string, unknown>).further);
  return own && further ? { ...own, further } : own;
}

export function hasPrompts({ clicks, strokes, box }: Prompts): boolean {
  return clicks.length > 0 || strokes.length > 0 || box !== null;
}

/** A leaf's id as people read it. */
export function words(category: string): string {
  return category.replaceAll("_", " ");
}

function stepped(state: MaskState, step: Step): MaskState {
  return { ...state, asked: null, step, past: [...state.past, state.step].slice(-MOST_STEPS), future: [] };
}

function begun(mask: Mask, kept: Mask | null): Pick<Marking, "step" | "past" | "future"> {
  const first = { mask, base: mask, prompts: NO_PROMPTS };
  if (kept === null) return { step: first, past: [], future: [] };
  return { step: { mask: kept, base: kept, prompts: NO_PROMPTS }, past: [first], future: [] };
}

function markingOf({ category, step, past, future }: Marking): Marking {
  return { category, step, past, future };
}

function draftOfMarking(marking: Marking, start: Mask, category: string): MarkingDraft | null {
  const same = sameMask(marking.step.mask, start);
  if (same && marking.category === category) return null;
  return { category: marking.category, runs: same ? null : runLengths(marking.step.mask) };
}

function readMarking(content: unknown): MarkingDraft | null {
  if (typeof content !== "object" || content === null) return null;
  const { category, runs } = content as Record<string, unknown>;
  if (typeof category !== "string") return null;
  const whole = (run: unknown) => Number.isInteger(run) && (run as number) >= 0;
  return { category, runs: Array.isArray(runs) && runs.every(whole) ? runs : null };
}

function fitting(task: MaskTask, runs: readonly number[] | null | undefined): Mask | null {
  const { width, height } = task.mask;
  if (!runs || runs.reduce((sum, run) => sum + run, 0) !== width * height) return null;
  return maskOf({ width, height, counts: runs });
}
