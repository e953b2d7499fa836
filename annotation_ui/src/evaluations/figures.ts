import type { ContenderResult, Results } from "../api/evaluations";

/** A contender with its place in the order of registration, which is that of the matrix. */
export interface Placed extends ContenderResult {
  readonly place: number;
}

/** Best first; those without a rating last, as they were registered. */
export function ranked(contenders: readonly ContenderResult[]): Placed[] {
  return contenders
    .map((contender, place) => ({ ...contender, place }))
    .sort(
      (a, b) =>
        (b.elo ?? Number.NEGATIVE_INFINITY) - (a.elo ?? Number.NEGATIVE_INFINITY) || a.place - b.place,
    );
}

/** An axis of Elo that holds all intervals: its ends, and where its ticks stand. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
}

const STEPS = [50, 100, 200, 400, 800, 1600, 3200];
const MOST_TICKS = 9;

export function axisOf(contenders: readonly ContenderResult[]): Axis {
  const ends = contenders.flatMap(({ elo_low, elo_high }) => [elo_low ?? 0, elo_high ?? 0]);
  const lowest = Math.min(-50, ...ends);
  const highest = Math.max(50, ...ends);
  const count = (size: number) => Math.ceil(highest / size) - Math.floor(lowest / size) + 1;
  const step = STEPS.find((size) => count(size) <= MOST_TICKS) ?? 6400;
  const first = Math.floor(lowest / step);
  const last = Math.ceil(highest / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  return { low: first * step, high: last * step, ticks };
}

/** Where a value stands on the axis, in percent from the left. */
export function along({ low, high }: Axis, elo: number): number {
  return (100 * (elo - low)) / (high - low);
}

/** Elo with its sign: `+120`, `−35`, `0`. */
export function signed(elo: number): string {
  const whole = Math.round(elo);
  if (whole === 0) return "0";
  return `${whole > 0 ? "+" : "−"}${Math.abs(whole)}`;
}

/** Wins to one loss that an Elo difference means: 400 are `10 : 1`. */
export function odds(elo: number): string {
  const ratio = 10 ** (Math.abs(elo) / 400);
  const said = ratio < 10 ? ratio.toFixed(1).replace(/\.0$/, "") : Math.round(ratio).toString();
  return elo < 0 ? `1 : ${said}` : `${said} : 1`;
}

/** Of the votes between two that chose a side, how many chose `row`; null where none did. */
export function winShare({ wins }: Pick<Results, "wins">, row: number, column: number): number | null {
  const won = wins[row]?.[column] ?? 0;
  const lost = wins[column]?.[row] ?? 0;
  return won + lost === 0 ? null : won / (won + lost);
}
