import type { Answer, FailureReason, Progress, SelectionTask } from "../../api/selections";

/** One task as the page holds it: what the server said, and what was not sent yet. */
export interface TaskState {
  readonly task: SelectionTask;
  readonly progress: Progress;
  /** On its way to the server. While it is, nothing else can be said about the pair. */
  readonly pending: Answer | "undo" | null;
  readonly rating: number | null;
  readonly reason: FailureReason | "";
}

/** What of a task is unsent and worth keeping. */
export interface RatingDraft {
  readonly rating: number | null;
  readonly reason: FailureReason | "";
}

export const REASONS: readonly { value: FailureReason; label: string }[] = [
  { value: "complex_geometry", label: "complex geometry" },
  { value: "occlusion", label: "occlusion" },
  { value: "transparency", label: "transparency" },
  { value: "small_object", label: "small object" },
  { value: "other", label: "other" },
];

/** A task as it was claimed or read again, with what was rated before if anything. */
export function openTask(task: SelectionTask, draft: RatingDraft | null = null): TaskState {
  const { pair, round, rounds, phase, winner, can_undo } = task;
  return {
    task,
    progress: { pair, round, rounds, phase, winner, can_undo },
    pending: null,
    rating: draft?.rating ?? null,
    reason: draft?.reason ?? "",
  };
}

/** Say which is better; the same state where that cannot be said now (a second click, say). */
export function answering(state: TaskState, answer: Answer): TaskState {
  if (state.pending !== null || state.progress.phase !== "compare") return state;
  return { ...state, pending: answer };
}

/** Take the last answer back; the same state where there is none. */
export function undoing(state: TaskState): TaskState {
  if (state.pending !== null || !state.progress.can_undo) return state;
  return { ...state, pending: "undo" };
}

/** The server has taken what was pending. A step back forgets the rating: it was of another winner, perhaps. */
export function progressed(state: TaskState, progress: Progress): TaskState {
  const steppedBack = state.pending === "undo";
  return {
    ...state,
    progress,
    pending: null,
    rating: steppedBack ? null : state.rating,
    reason: steppedBack ? "" : state.reason,
  };
}

/** Rate the winner, in [0, 1], in hundredths. */
export function rated(state: TaskState, rating: number): TaskState {
  if (state.progress.phase !== "rate") return state;
  return { ...state, rating: Math.round(Math.min(1, Math.max(0, rating)) * 100) / 100 };
}

/** Say why the winner is under the bar. */
export function reasoned(state: TaskState, reason: FailureReason): TaskState {
  return reasonWanted(state) ? { ...state, reason } : state;
}

/** Whether the rating is under the bar, so that the main reason is wanted. */
export function reasonWanted(state: TaskState): boolean {
  return state.progress.phase === "rate" && state.rating !== null && state.rating < state.task.bar;
}

/** What is still missing before the task can be submitted; null when nothing is. */
export function missing(state: TaskState): string | null {
  if (state.progress.phase !== "rate") return "Compare the remaining candidates first.";
  if (state.pending !== null) return "The last step is on its way.";
  if (state.rating === null) return "Rate the winner first.";
  if (reasonWanted(state) && state.reason === "") return "Say why it is under the bar.";
  return null;
}

/** Read a draft that came from outside (the server, an older page); null where it says nothing. */
export function readDraft(content: unknown): RatingDraft | null {
  if (typeof content !== "object" || content === null) return null;
  const { rating, reason } = content as Record<string, unknown>;
  if (typeof rating !== "number" || !(rating >= 0 && rating <= 1)) return null;
  return { rating, reason: REASONS.find((known) => known.value === reason)?.value ?? "" };
}
