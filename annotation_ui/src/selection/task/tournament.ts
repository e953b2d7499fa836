import type { Answer, Pair, SelectionTask } from "../../api/selections";

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
export function standingAfter(task: SelectionTask, answers: readonly Answer[]): Standing {
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
