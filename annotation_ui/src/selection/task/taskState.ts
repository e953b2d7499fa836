import type { FailureReason, SelectionTask } from "../../api/selections";
import { type ComparedState, openCompared } from "./tournament";

/** One task as the page holds it: what was answered, whether the server has it yet or not, and what was not sent. */
export interface TaskState extends ComparedState<SelectionTask> {
  /** The rating given last. It counts while its winner is the winner: a step back and forth loses nothing. */
  readonly given: RatingDraft | null;
}

/** What of a task is unsent and worth keeping: the rating of one winner. */
export interface RatingDraft {
  readonly winner: string;
  readonly rating: number;
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
export function openTask(task: SelectionTask, given: RatingDraft | null = null): TaskState {
  return { ...openCompared(task), given };
}

/** The rating of the winner on show, and why it is low; null where there is none. */
export function ratingOf({ standing, given }: TaskState): RatingDraft | null {
  return given !== null && given.winner === standing.winner ? given : null;
}

/** Rate the winner, in [0, 1], in hundredths. */
export function rated(state: TaskState, rating: number): TaskState {
  const { winner } = state.standing;
  if (winner === null) return state;
  const hundredths = Math.round(Math.min(1, Math.max(0, rating)) * 100) / 100;
  return { ...state, given: { winner, rating: hundredths, reason: ratingOf(state)?.reason ?? "" } };
}

/** Say why the winner is under the bar. */
export function reasoned(state: TaskState, reason: FailureReason): TaskState {
  const given = ratingOf(state);
  return given !== null && reasonWanted(state) ? { ...state, given: { ...given, reason } } : state;
}

/** Whether the rating is under the bar, so that the main reason is wanted. */
export function reasonWanted(state: TaskState): boolean {
  const given = ratingOf(state);
  return given !== null && given.rating < state.task.bar;
}

/** What is still missing before the task can be submitted; null when nothing is. */
export function missing(state: TaskState): string | null {
  if (state.standing.phase !== "rate") return "Compare the remaining candidates first.";
  const given = ratingOf(state);
  if (given === null) return "Rate the winner first.";
  if (reasonWanted(state) && given.reason === "") return "Say why it is under the bar.";
  return null;
}

/** Read a draft that came from outside (the server, an older page); null where it says nothing. */
export function readDraft(content: unknown): RatingDraft | null {
  if (typeof content !== "object" || content === null) return null;
  const { winner, rating, reason } = content as Record<string, unknown>;
  if (typeof winner !== "string" || typeof rating !== "number" || !(rating >= 0 && rating <= 1)) return null;
  return { winner, rating, reason: REASONS.find((known) => known.value === reason)?.value ?? "" };
}
