import { add, length, subtract, times, unit, type Vec3 } from "../pose/vectors";

/** Something to look at, roughly. */
export interface Ball {
  readonly centre: Vec3;
  readonly radius: number;
}

/** Around the mean of points (xyz), twice as wide as they spread, so that few outliers do not count; null without. */
export function ballOf(points: Float32Array): Ball | null {
  const count = points.length / 3;
  if (count === 0) return null;
  let [x, y, z] = [0, 0, 0];
  for (let n = 0; n < points.length; n += 3) {
    x += points[n] as number;
    y += points[n + 1] as number;
    z += points[n + 2] as number;
  }
  const centre: Vec3 = [x / count, y / count, z / count];
  let squares = 0;
  for (let n = 0; n < points.length; n += 3) {
    const from = subtract([points[n], points[n + 1], points[n + 2]] as unknown as Vec3, centre);
    squares += from[0] ** 2 + from[1] ** 2 + from[2] ** 2;
  }
  return { centre, radius: 2 * Math.sqrt(squares / count) };
}

/** The smallest ball around two. */
export function ballAround(a: Ball, b: Ball): Ball {
  const apart = subtract(b.centre, a.centre);
  const gap = length(apart);
  if (gap + b.radius <= a.radius) return a;
  if (gap + a.radius <= b.radius) return b;
  const radius = (gap + a.radius + b.radius) / 2;
  return { centre: add(a.centre, times(unit(apart), radius - a.radius)), radius };
}
