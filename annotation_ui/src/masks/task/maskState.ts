import type { DiscardReason, MaskTask } from "../../api/masks";

type Runs = readonly number[];

/** A Stage 1 task in work: the mask as it stands, with every earlier and undone one. */
export interface MaskState {
  readonly task: MaskTask;
  readonly category: string;
  readonly runs: Runs;
  readonly past: readonly Runs[];
  readonly future: readonly Runs[];
}

/** What of a task is unsent: `runs` only where the mask was changed. */
export interface MaskDraft {
  readonly category: string;
  readonly runs: Runs | null;
}

export const REASONS: readonly { value: DiscardReason; label: string }[] = [
  { value: "low_quality", label: "low quality" },
  { value: "several_objects", label: "several objects" },
  { value: "partial", label: "partial" },
  { value: "no_salient_object", label: "no salient object" },
];

const MOST_STEPS = 100;

export function openMask(task: MaskTask, draft: MaskDraft | null = null): MaskState {
  const proposed = task.mask.counts;
  const fits = draft?.runs && total(draft.runs) === total(proposed);
  const past = fits ? [proposed] : [];
  return {
    task,
    category: draft?.category ?? task.category,
    runs: fits ? (draft.runs as Runs) : proposed,
    past,
    future: [],
  };
}

/** The mask was drawn on. */
export function drawn(state: MaskState, runs: Runs): MaskState {
  if (same(runs, state.runs)) return state;
  return { ...state, runs, past: [...state.past, state.runs].slice(-MOST_STEPS), future: [] };
}

export function undone(state: MaskState): MaskState {
  const before = state.past.at(-1);
  if (!before) return state;
  return { ...state, runs: before, past: state.past.slice(0, -1), future: [state.runs, ...state.future] };
}

export function redone(state: MaskState): MaskState {
  const [after, ...future] = state.future;
  if (!after) return state;
  return { ...state, runs: after, past: [...state.past, state.runs], future };
}

/** Whether the mask is another one than was proposed. */
export function isRefined(state: MaskState): boolean {
  return !same(state.runs, state.task.mask.counts);
}

/** Why the mask cannot be accepted; null when it can. */
export function missing(state: MaskState): string | null {
  return state.runs.length < 2 ? "The mask is empty: draw the object, or discard the task." : null;
}

export function draftOf(state: MaskState): MaskDraft | null {
  const refined = isRefined(state);
  if (!refined && state.category === state.task.category) return null;
  return { category: state.category, runs: refined ? state.runs : null };
}

/** Read a draft that came from outside; null where it says nothing. */
export function readDraft(content: unknown): MaskDraft | null {
  if (typeof content !== "object" || content === null) return null;
  const { category, runs } = content as Record<string, unknown>;
  if (typeof category !== "string") return null;
  const whole = (run: unknown) => Number.isInteger(run) && (run as number) >= 0;
  return { category, runs: Array.isArray(runs) && runs.every(whole) ? runs : null };
}

function same(a: Runs, b: Runs): boolean {
  return a === b || (a.length === b.length && a.every((run, index) => run === b[index]));
}

function total(runs: Runs): number {
  return runs.reduce((sum, run) => sum + run, 0);
}
