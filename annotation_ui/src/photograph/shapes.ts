import type { Intervals, Shape } from "./columns";

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Every pixel whose middle lies within `radius` of the line from `from` to `to`; always at least one. */
export function strokeShape(from: Point, to: Point, radius: number): Shape {
  const reach = Math.max(radius, 0.5);
  const left = Math.floor(Math.min(from.x, to.x) - reach);
  const right = Math.ceil(Math.max(from.x, to.x) + reach);
  const columns: Intervals[] = [];
  for (let column = left; column < right; column += 1) {
    columns.push(strokeRows(column + 0.5, from, to, reach));
  }
  const empty = columns.every((rows) => rows.length === 0);
  if (!empty) return { left, columns };
  const row = Math.floor(to.y);
  return { left: Math.floor(to.x), columns: [[row, row + 1]] };
}

/** Rows of one column within reach of a line: a line and two round ends are convex, so it is one interval. */
function strokeRows(x: number, from: Point, to: Point, reach: number): Intervals {
  let [top, bottom] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const add = (low: number, high: number) => {
    top = Math.min(top, low);
    bottom = Math.max(bottom, high);
  };
  for (const end of [from, to]) {
    const squared = reach * reach - (x - end.x) ** 2;
    if (squared >= 0) add(end.y - Math.sqrt(squared), end.y + Math.sqrt(squared));
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length > 0) {
    // Corners of the rectangle between the two ends, and where its sides cross the column.
    const [nx, ny] = [(-dy / length) * reach, (dx / length) * reach];
    const corners = [
      { x: from.x + nx, y: from.y + ny },
      { x: to.x + nx, y: to.y + ny },
      { x: to.x - nx, y: to.y - ny },
      { x: from.x - nx, y: from.y - ny },
    ];
    corners.forEach((corner, index) => {
      const next = corners[(index + 1) % corners.length] as Point;
      if ((corner.x < x && next.x < x) || (corner.x > x && next.x > x) || corner.x === next.x) return;
      const y = corner.y + ((x - corner.x) / (next.x - corner.x)) * (next.y - corner.y);
      add(y, y);
    });
  }
  return rowsBetween(top, bottom);
}

/** Every pixel whose middle lies inside the polygon (even-odd). */
export function polygonShape(corners: readonly Point[]): Shape {
  if (corners.length < 3) return { left: 0, columns: [] };
  const xs = corners.map(({ x }) => x);
  const left = Math.floor(Math.min(...xs));
  const right = Math.ceil(Math.max(...xs));
  const columns: Intervals[] = [];
  for (let column = left; column < right; column += 1) {
    const x = column + 0.5;
    const crossings: number[] = [];
    corners.forEach((corner, index) => {
      const next = corners[(index + 1) % corners.length] as Point;
      if (corner.x <= x === next.x <= x) return;
      crossings.push(corner.y + ((x - corner.x) / (next.x - corner.x)) * (next.y - corner.y));
    });
    crossings.sort((a, b) => a - b);
    const rows: number[] = [];
    for (let index = 0; index + 1 < crossings.length; index += 2) {
      const between = rowsBetween(crossings[index] as number, crossings[index + 1] as number);
      if (between.length === 0) continue;
      if (rows.at(-1) === between[0]) rows.pop();
      else rows.push(between[0] as number);
      rows.push(between[1] as number);
    }
    columns.push(rows);
  }
  return { left, columns };
}

/** Rows whose middle lies between two heights. */
function rowsBetween(top: number, bottom: number): Intervals {
  const first = Math.ceil(top - 0.5);
  const end = Math.floor(bottom - 0.5) + 1;
  return end > first ? [first, end] : [];
}
