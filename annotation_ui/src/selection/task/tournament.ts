import type { Answer, Pair, SelectionTask } from "../../api/selections";
import type { LeasedTask } from "../../work/desk";

/** What every task has that is played as a tournament: what is shown in order, and what was said so far. */
export interface ComparedTask
  extends LeasedTask,
    Pick<SelectionTask, "image" | "mask" | "category" | "description" | "modality" | "guidelines"> {
  readonly candidates: readonly {
    presentation_id: string;
    mesh_url: string;
    /** Shown instead of the mesh where there is one. */
    splat_url?: string | null;
  }[];
  readonly layouts: SelectionTask["layouts"];
  readonly answers: readonly Answer[];
  readonly taken_back: readonly Answer[];
}

/** A task of this kind in work. */
export interface ComparedState<T extends ComparedTask> {
  readonly task: T;
  readonly answers: readonly Answer[];
  /** Answers that can be given again as they were, the next one last. */
  readonly takenBack: readonly Answer[];
  readonly standing: Standing;
}

/** Where a tournament stands after some answers. */
export interface Standing {
  /** What to compare now; null once every candidate was shown. */
  readonly pair: Pair | null;
  /** From 1; stays at `rounds` once finished. */
  readonly round: number;
  readonly rounds: number;
  readonly phase: "compare" | "rate";
  readonly winner: string | null;
}

/**
 * Play the stay-on tournament as the server does, from the order of the candidates and the layouts of the rounds, so
 * that the next pair need not wait for it. The server decides all the same.
 */
export function standingAfter(
  task: Pick<ComparedTask, "candidates" | "layouts">,
  answers: readonly Answer[],
): Standing {
  const order = task.candidates.map((candidate) => candidate.presentation_id);
  const { layouts } = task;
  let staying = order[0] ?? "";
  for (const [index, layout] of layouts.entries()) {
    const challenger = order[index + 1] ?? "";
    const pair =
      layout.staying_side === "left"
        ? { left: staying, right: challenger }
        : { left: challenger, right: staying };
    const answer = answers[index];
    if (answer === undefined) {
      return { pair, round: index + 1, rounds: layouts.length, phase: "compare", winner: null };
    }
    staying = pair[answer === "equal" ? layout.kept_if_equal : answer];
  }
  return { pair: null, round: layouts.length, rounds: layouts.length, phase: "rate", winner: staying };
}

/** Whether both say that the same is on show. */
export function agree(a: Pick<Standing, "pair" | "winner">, b: Pick<Standing, "pair" | "winner">): boolean {
  return a.winner === b.winner && a.pair?.left === b.pair?.left && a.pair?.right === b.pair?.right;
}

/** A task as it was claimed or read again. */
export function openCompared<T extends ComparedTask>(task: T): ComparedState<T> {
  const { answers, taken_back: takenBack } = task;
  return { task, answers, takenBack, standing: standingAfter(task, answers) };
}

/** Say which is better; the same state where there is nothing to compare. */
export function answered<S extends ComparedState<ComparedTask>>(state: S, answer: Answer): S {
  if (state.standing.pair === null) return state;
  const again = state.takenBack.at(-1) === answer;
  return moved(state, [...state.answers, answer], again ? state.takenBack.slice(0, -1) : []);
}

/** Take the last answer back; the same state where there is none. */
export function stepBack<S extends ComparedState<ComparedTask>>(state: S): S {
  const last = state.answers.at(-1);
  if (last === undefined) return state;
  return moved(state, state.answers.slice(0, -1), [...state.takenBack, last]);
}

function moved<S extends ComparedState<ComparedTask>>(
  state: S,
  answers: readonly Answer[],
  takenBack: readonly Answer[],
): S {
  const standing = standingAfter(state.task, answers);
  return { ...state, answers, takenBack, standing };
}
