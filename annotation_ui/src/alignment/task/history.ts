/** One change that can be taken back: from one value to another, and what it was. */
export interface Step<T, K extends string> {
  /** Of its own among the steps of a task. */
  readonly id: number;
  readonly kind: K;
  readonly before: T;
  readonly after: T;
  readonly at: number;
}

/** All changes in order; `past` are in force, `future` were taken back. */
export interface History<T, K extends string> {
  readonly past: readonly Step<T, K>[];
  readonly future: readonly Step<T, K>[];
}

const MOST_STEPS = 500;
/** Presses of a held key that follow one another this quickly are one change. */
const MERGE_MS = 500;

/** Add a change. With `merge` it prolongs the last one, if that was of the same kind and just now. */
export function recorded<T, K extends string>(
  { past }: History<T, K>,
  step: Step<T, K>,
  { merge = false }: { merge?: boolean } = {},
): History<T, K> {
  const last = past.at(-1);
  if (merge && last?.kind === step.kind && step.at - last.at <= MERGE_MS)
    return { past: [...past.slice(0, -1), { ...step, before: last.before }], future: [] };
  return { past: [...past, step].slice(-MOST_STEPS), future: [] };
}

/** The history without its last change in force, and that change; null where there is none. */
export function undone<T, K extends string>({ past, future }: History<T, K>) {
  const step = past.at(-1);
  return step ? { step, history: { past: past.slice(0, -1), future: [step, ...future] } } : null;
}

/** The history with the change that was taken back last, and that change; null where there is none. */
export function redone<T, K extends string>({ past, future }: History<T, K>) {
  const [step, ...rest] = future;
  return step ? { step, history: { past: [...past, { ...step, at: 0 }], future: rest } } : null;
}
