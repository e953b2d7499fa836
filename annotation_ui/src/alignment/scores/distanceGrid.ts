/** Distances to a surface at the corners of a grid, in the frame and unit of the surface's vertices. */
export interface DistanceGrid {
  /** Corner with the least coordinates. */
  readonly origin: readonly [number, number, number];
  /** Edge of a cell. */
  readonly cell: number;
  /** Corners along x, y, z; x varies fastest. */
  readonly counts: readonly [number, number, number];
  readonly distances: Float32Array;
}

const CELLS_ALONG_LONGEST = 64;
/** Room around the surface, over its longest side: about as far as points count. */
const MARGIN_SHARE = 0.12;
const NO_FACE = -1;

/**
 * Compute the distance to the nearest triangle at every corner. Corners around a triangle are compared with it; from
 * there the nearest triangles spread to their neighbours in sweeps over the grid, each compared exactly.
 *
 * `positions` (3 n), `index` (3 m).
 */
export function distanceGrid(
  positions: ArrayLike<number>,
  index: ArrayLike<number>,
  cellsAlongLongest = CELLS_ALONG_LONGEST,
): DistanceGrid {
  const { low, high } = boundsOf(positions, index);
  const longest = Math.max(high[0] - low[0], high[1] - low[1], high[2] - low[2]) || 1;
  const cell = (longest * (1 + 2 * MARGIN_SHARE)) / cellsAlongLongest;
  const margin = longest * MARGIN_SHARE;
  const corners = (axis: 0 | 1 | 2) => Math.ceil((high[axis] - low[axis] + 2 * margin) / cell) + 1;
  const counts = [corners(0), corners(1), corners(2)] as const;
  const origin = [low[0] - margin, low[1] - margin, low[2] - margin] as const;
  const field = new Field(positions, index, origin, cell, counts);
  for (let face = 0; face < index.length / 3; face += 1) field.compareAround(face);
  for (let round = 0; round < 2; round += 1) {
    for (const sx of [1, -1]) for (const sy of [1, -1]) for (const sz of [1, -1]) field.sweep(sx, sy, sz);
  }
  return { origin, cell, counts, distances: field.squared.map(Math.sqrt) };
}

/** Distance of a place to the surface, interpolated; outside the grid the way to it is added. */
export function distanceAt(grid: DistanceGrid, x: number, y: number, z: number): number {
  const { origin, cell, counts, distances } = grid;
  const [nx, ny, nz] = counts;
  const [u, v, w] = [(x - origin[0]) / cell, (y - origin[1]) / cell, (z - origin[2]) / cell];
  const [cu, cv, cw] = [clamp(u, nx - 1), clamp(v, ny - 1), clamp(w, nz - 1)];
  const [i, j, k] = [
    Math.min(Math.floor(cu), nx - 2),
    Math.min(Math.floor(cv), ny - 2),
    Math.min(Math.floor(cw), nz - 2),
  ];
  const [a, b, c] = [cu - i, cv - j, cw - k];
  const at = i + nx * (j + ny * k);
  const plane = nx * ny;
  const near =
    (1 - b) * ((1 - a) * value(distances, at) + a * value(distances, at + 1)) +
    b * ((1 - a) * value(distances, at + nx) + a * value(distances, at + nx + 1));
  const far =
    (1 - b) * ((1 - a) * value(distances, at + plane) + a * value(distances, at + plane + 1)) +
    b * ((1 - a) * value(distances, at + plane + nx) + a * value(distances, at + plane + nx + 1));
  return (1 - c) * near + c * far + cell * Math.hypot(u - cu, v - cv, w - cw);
}

class Field {
  readonly squared: Float32Array;
  readonly #nearest: Int32Array;

  constructor(
    private readonly positions: ArrayLike<number>,
    private readonly index: ArrayLike<number>,
    private readonly origin: readonly [number, number, number],
    private readonly cell: number,
    private readonly counts: readonly [number, number, number],
  ) {
    const corners = counts[0] * counts[1] * counts[2];
    this.squared = new Float32Array(corners).fill(Number.POSITIVE_INFINITY);
    this.#nearest = new Int32Array(corners).fill(NO_FACE);
  }

  /** Compare the corners of the cells that a triangle may touch with it. */
  compareAround(face: number): void {
    const low = [0, 0, 0];
    const high = [0, 0, 0];
    for (let axis = 0; axis < 3; axis += 1) {
      const places = [0, 1, 2].map(
        (corner) =>
          (value(this.positions, value(this.index, face * 3 + corner) * 3 + axis) -
            value(this.origin, axis)) /
          this.cell,
      );
      low[axis] = Math.max(0, Math.floor(Math.min(...places)));
      high[axis] = Math.min(value(this.counts, axis) - 1, Math.ceil(Math.max(...places)));
    }
    for (let k = value(low, 2); k <= value(high, 2); k += 1)
      for (let j = value(low, 1); j <= value(high, 1); j += 1)
        for (let i = value(low, 0); i <= value(high, 0); i += 1) this.#compare(i, j, k, face);
  }

  /** Go over all corners in one of eight directions, and try the nearest triangles of those behind. */
  sweep(sx: number, sy: number, sz: number): void {
    const [nx, ny, nz] = this.counts;
    const first = (n: number, sign: number) => (sign > 0 ? 0 : n - 1);
    for (let k = first(nz, sz), a = 0; a < nz; k += sz, a += 1)
      for (let j = first(ny, sy), b = 0; b < ny; j += sy, b += 1)
        for (let i = first(nx, sx), c = 0; c < nx; i += sx, c += 1) {
          const at = i + nx * (j + ny * k);
          if (c > 0) this.#compareWith(i, j, k, at - sx);
          if (b > 0) this.#compareWith(i, j, k, at - sy * nx);
          if (a > 0) this.#compareWith(i, j, k, at - sz * nx * ny);
        }
  }

  #compareWith(i: number, j: number, k: number, neighbour: number): void {
    const face = value(this.#nearest, neighbour);
    if (face !== NO_FACE) this.#compare(i, j, k, face);
  }

  #compare(i: number, j: number, k: number, face: number): void {
    const [nx, ny] = this.counts;
    const at = i + nx * (j + ny * k);
    if (value(this.#nearest, at) === face) return;
    const squared = squaredDistance(
      this.origin[0] + i * this.cell,
      this.origin[1] + j * this.cell,
      this.origin[2] + k * this.cell,
      this.positions,
      value(this.index, face * 3) * 3,
      value(this.index, face * 3 + 1) * 3,
      value(this.index, face * 3 + 2) * 3,
    );
    if (squared >= value(this.squared, at)) return;
    this.squared[at] = squared;
    this.#nearest[at] = face;
  }
}

/**
 * Squared distance from a place to the triangle whose corners start at a, b, c in `p`.
 * Source: Ericson, Real-Time Collision Detection, 5.1.5 (regions of the triangle by barycentric signs).
 */
export function squaredDistance(
  x: number,
  y: number,
  z: number,
  p: ArrayLike<number>,
  a: number,
  b: number,
  c: number,
): number {
  const [ax, ay, az] = [value(p, a), value(p, a + 1), value(p, a + 2)];
  const ux = value(p, b) - ax;
  const uy = value(p, b + 1) - ay;
  const uz = value(p, b + 2) - az;
  const vx = value(p, c) - ax;
  const vy = value(p, c + 1) - ay;
  const vz = value(p, c + 2) - az;
  const wx = x - ax;
  const wy = y - ay;
  const wz = z - az;
  const d1 = ux * wx + uy * wy + uz * wz;
  const d2 = vx * wx + vy * wy + vz * wz;
  const uu = ux * ux + uy * uy + uz * uz;
  const uv = ux * vx + uy * vy + uz * vz;
  const vv = vx * vx + vy * vy + vz * vz;
  let s: number;
  let t: number;
  const d3 = d1 - uu;
  const d4 = d2 - uv;
  const d5 = d1 - uv;
  const d6 = d2 - vv;
  const vc = d1 * d4 - d3 * d2;
  const vb = d5 * d2 - d1 * d6;
  const va = d3 * d6 - d5 * d4;
  if (d1 <= 0 && d2 <= 0) {
    [s, t] = [0, 0];
  } else if (d3 >= 0 && d4 <= d3) {
    [s, t] = [1, 0];
  } else if (vc <= 0 && d1 >= 0 && d3 <= 0) {
    [s, t] = [uu === 0 ? 0 : d1 / uu, 0];
  } else if (d6 >= 0 && d5 <= d6) {
    [s, t] = [0, 1];
  } else if (vb <= 0 && d2 >= 0 && d6 <= 0) {
    [s, t] = [0, vv === 0 ? 0 : d2 / vv];
  } else if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
    t = (d4 - d3) / (d4 - d3 + (d5 - d6) || 1);
    s = 1 - t;
  } else {
    const sum = va + vb + vc;
    [s, t] = sum === 0 ? [0, 0] : [vb / sum, vc / sum];
  }
  const dx = wx - s * ux - t * vx;
  const dy = wy - s * uy - t * vy;
  const dz = wz - s * uz - t * vz;
  return dx * dx + dy * dy + dz * dz;
}

function boundsOf(positions: ArrayLike<number>, index: ArrayLike<number>) {
  const low: [number, number, number] = [
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ];
  const high: [number, number, number] = [
    Number.NEGATIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ];
  for (let corner = 0; corner < index.length; corner += 1) {
    for (const axis of [0, 1, 2] as const) {
      const at = value(positions, value(index, corner) * 3 + axis);
      low[axis] = Math.min(low[axis], at);
      high[axis] = Math.max(high[axis], at);
    }
  }
  return { low, high };
}

function clamp(x: number, most: number): number {
  return x < 0 ? 0 : x > most ? most : x;
}

function value(values: ArrayLike<number>, place: number): number {
  return values[place] as number; // in bounds by construction; a check here would cost as much as the work
}
