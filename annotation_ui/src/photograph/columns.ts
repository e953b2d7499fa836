import type { Box, RunLengths } from "./mask";

/** Rows that are inside, as [first, end, first, end, …]: ascending, apart from each other, ends not included. */
export type Intervals = readonly number[];

/**
 * A mask as the inside rows of each of its columns. It never changes: an operation gives another mask that shares the
 * columns it left alone, so that a hundred steps of undo on a photograph of 50 megapixels weigh little.
 */
export interface Mask {
  readonly width: number;
  readonly height: number;
  readonly columns: readonly Intervals[];
}

/** Part of a photograph: the inside rows of the columns from `left` on. */
export interface Shape {
  readonly left: number;
  readonly columns: readonly Intervals[];
}

const EMPTY: Intervals = [];

export function emptyMask(width: number, height: number): Mask {
  return { width, height, columns: new Array<Intervals>(width).fill(EMPTY) };
}

/** Read run lengths (column-major, zeros first). */
export function maskOf({ height, width, counts }: RunLengths): Mask {
  const columns = new Array<Intervals>(width).fill(EMPTY);
  let start = 0;
  counts.forEach((count, run) => {
    const end = start + count;
    if (run % 2 === 1) {
      for (let place = start; place < end; ) {
        const column = Math.floor(place / height);
        const first = place - column * height;
        const last = Math.min(end - column * height, height);
        columns[column] = [...(columns[column] ?? EMPTY), first, last];
        place = column * height + last;
      }
    }
    start = end;
  });
  return { width, height, columns };
}

/** Write run lengths (column-major, zeros first). */
export function runLengths({ height, width, columns }: Mask): number[] {
  const counts: number[] = [];
  let written = 0; // pixels up to here are in `counts`
  let end = 0; // of the run of ones that is open
  let open = false;
  columns.forEach((intervals, column) => {
    for (let index = 0; index < intervals.length; index += 2) {
      const first = column * height + (intervals[index] as number);
      if (!open || first !== end) {
        if (open) counts.push(end - written);
        if (open) written = end;
        counts.push(first - written);
        written = first;
        open = true;
      }
      end = column * height + (intervals[index + 1] as number);
    }
  });
  if (open) {
    counts.push(end - written);
    written = end;
  }
  if (written < width * height || counts.length === 0) counts.push(width * height - written);
  return counts;
}

/** Inside of either. */
export function union(mask: Mask, shape: Shape): Mask {
  return changed(mask, shape, (now, added) => merged(now, added, (a, b) => a || b));
}

/** Inside of the mask and not of the shape. */
export function difference(mask: Mask, shape: Shape): Mask {
  return changed(mask, shape, (now, taken) => merged(now, taken, (a, b) => a && !b));
}

export function area({ columns }: Mask): number {
  let pixels = 0;
  for (const intervals of columns) {
    for (let index = 0; index < intervals.length; index += 2) {
      pixels += (intervals[index + 1] as number) - (intervals[index] as number);
    }
  }
  return pixels;
}

/** The box around the inside; null where nothing is. */
export function boxOf({ columns }: Mask): Box | null {
  let [left, right, top, bottom] = [-1, -1, Number.POSITIVE_INFINITY, -1];
  columns.forEach((intervals, column) => {
    if (intervals.length === 0) return;
    if (left < 0) left = column;
    right = column;
    top = Math.min(top, intervals[0] as number);
    bottom = Math.max(bottom, intervals.at(-1) as number);
  });
  return left < 0 ? null : { left, top, width: right - left + 1, height: bottom - top };
}

export function contains({ width, columns }: Mask, x: number, y: number): boolean {
  const column = Math.floor(x);
  if (column < 0 || column >= width) return false;
  const intervals = columns[column] as Intervals;
  for (let index = 0; index < intervals.length; index += 2) {
    if (y >= (intervals[index] as number) && y < (intervals[index + 1] as number)) return true;
  }
  return false;
}

export function sameMask(a: Mask, b: Mask): boolean {
  if (a === b) return true;
  return (
    a.width === b.width &&
    a.height === b.height &&
    a.columns.every((intervals, column) => {
      const other = b.columns[column] as Intervals;
      return (
        intervals === other ||
        (intervals.length === other.length && intervals.every((row, index) => row === other[index]))
      );
    })
  );
}

function changed(mask: Mask, shape: Shape, change: (now: Intervals, other: Intervals) => Intervals): Mask {
  const columns = [...mask.columns];
  shape.columns.forEach((other, index) => {
    const column = shape.left + index;
    if (other.length === 0 || column < 0 || column >= mask.width) return;
    columns[column] = change(columns[column] as Intervals, clipped(other, mask.height));
  });
  return { ...mask, columns };
}

function clipped(intervals: Intervals, height: number): Intervals {
  if (intervals.every((row) => row >= 0 && row <= height)) return intervals;
  const kept: number[] = [];
  for (let index = 0; index < intervals.length; index += 2) {
    const first = Math.max(0, intervals[index] as number);
    const end = Math.min(height, intervals[index + 1] as number);
    if (end > first) kept.push(first, end);
  }
  return kept;
}

/** Both lists are walked once; a row is inside where `inside` says so. */
function merged(a: Intervals, b: Intervals, inside: (a: boolean, b: boolean) => boolean): Intervals {
  const rows: number[] = [];
  let [i, j] = [0, 0];
  let now = false;
  while (i < a.length || j < b.length) {
    const row = Math.min(a[i] ?? Number.POSITIVE_INFINITY, b[j] ?? Number.POSITIVE_INFINITY);
    while (a[i] === row) i += 1;
    while (b[j] === row) j += 1;
    const next = inside(i % 2 === 1, j % 2 === 1);
    if (next !== now) rows.push(row);
    now = next;
  }
  return rows;
}
