import type { Box } from "../../photograph/mask";
import type { Intrinsics } from "../pose/pinhole";
import { type Pose, transformed } from "../pose/pose";

/** Pixels of the two outlines, counted over one window. */
export interface Overlap {
  readonly match: number;
  /** Of the target, not of the mesh. */
  readonly missing: number;
  /** Of the mesh, not of the target. */
  readonly excess: number;
}

/** Count RGBA pixels: red says "mesh", green "target", blue "of the photograph", without which nothing counts. */
export function countOverlap(rgba: ArrayLike<number>): Overlap {
  let [match, missing, excess] = [0, 0, 0];
  for (let n = 0; n < rgba.length; n += 4) {
    if ((rgba[n + 2] as number) < 128) continue;
    const mesh = (rgba[n] as number) > 127;
    const target = (rgba[n + 1] as number) > 127;
    if (mesh && target) match += 1;
    else if (target) missing += 1;
    else if (mesh) excess += 1;
  }
  return { match, missing, excess };
}

/** |A ∩ B| / |A ∪ B|; 0 where both are empty. */
export function intersectionOverUnion({ match, missing, excess }: Overlap): number {
  const union = match + missing + excess;
  return union === 0 ? 0 : match / union;
}

/**
 * The part of the photograph that holds both the target and the posed shape: all that matters for their overlap, so
 * that small objects are measured as finely as large ones. What lies outside the photograph does not count.
 */
export function scoredWindow(target: Box, pose: Pose, corners: Box3, intrinsics: Intrinsics): Box {
  const { fx, fy, cx, cy, width, height } = intrinsics;
  let [left, top] = [target.left, target.top];
  let [right, bottom] = [target.left + target.width, target.top + target.height];
  for (const x of [corners.low[0], corners.high[0]])
    for (const y of [corners.low[1], corners.high[1]])
      for (const z of [corners.low[2], corners.high[2]]) {
        const [px, py, depth] = transformed(pose, [x, y, z]);
        if (depth <= 1e-9) return { left: 0, top: 0, width, height }; // reaches behind the camera: look everywhere
        left = Math.min(left, Math.floor((px / depth) * fx + cx) - 1);
        right = Math.max(right, Math.ceil((px / depth) * fx + cx) + 1);
        top = Math.min(top, Math.floor((py / depth) * fy + cy) - 1);
        bottom = Math.max(bottom, Math.ceil((py / depth) * fy + cy) + 1);
      }
  [left, top] = [Math.max(0, left), Math.max(0, top)];
  return { left, top, width: Math.min(width, right) - left, height: Math.min(height, bottom) - top };
}

/** Where a window is sampled: centres of pixels of the photograph, every `stride`-th of them, `columns` × `rows`. */
export interface Samples {
  /** The part of the photograph whose even division has these centres. */
  readonly window: Box;
  readonly columns: number;
  readonly rows: number;
}

/**
 * Sample a window with no more than `most` samples along a side. Samples lie on pixel centres, where the server's lie
 * and where M was drawn: between them a smooth outline and M's steps differ for no reason.
 */
export function samplesOf({ left, top, width, height }: Box, most: number): Samples {
  const stride = Math.max(1, Math.ceil(Math.max(width, height) / most));
  const [columns, rows] = [Math.ceil(width / stride), Math.ceil(height / stride)];
  const shift = stride % 2 === 0 ? 0.5 : 0;
  return {
    window: { left: left - shift, top: top - shift, width: columns * stride, height: rows * stride },
    columns,
    rows,
  };
}

/** Bounds of a shape in the object frame. */
export interface Box3 {
  readonly low: readonly [number, number, number];
  readonly high: readonly [number, number, number];
}
