import { type Pose, rotationOf, sizeOf } from "../pose/pose";
import { type DistanceGrid, distanceAt } from "./distanceGrid";

/** More points do not change the share: it is an average. */
const MOST_POINTS = 16_384;

/** An even sample of points, xyz. */
export function sampled(positions: Float32Array, most = MOST_POINTS): Float32Array {
  const count = positions.length / 3;
  const every = Math.max(1, Math.ceil(count / most));
  const sample = new Float32Array(Math.ceil(count / every) * 3);
  for (let n = 0, at = 0; n < count; n += every, at += 3)
    sample.set(positions.subarray(n * 3, n * 3 + 3), at);
  return sample;
}

/**
 * Share of M's points (xyz, camera frame) within `tolerance` of the posed surface, in [0, 1]; null without points. The
 * grid is of the shape with the pose's proportions at size 1.
 */
export function inlierShare(
  points: Float32Array,
  pose: Pose,
  grid: DistanceGrid,
  tolerance: number,
): number | null {
  const count = points.length / 3;
  if (count === 0) return null;
  const size = sizeOf(pose);
  const [[a, b, c], [d, e, f], [g, h, i]] = rotationOf(pose.rotation_wxyz);
  const [tx, ty, tz] = pose.translation;
  const reach = tolerance / size;
  let inliers = 0;
  for (let n = 0; n < points.length; n += 3) {
    const x = ((points[n] as number) - tx) / size;
    const y = ((points[n + 1] as number) - ty) / size;
    const z = ((points[n + 2] as number) - tz) / size;
    const distance = distanceAt(grid, a * x + d * y + g * z, b * x + e * y + h * z, c * x + f * y + i * z);
    if (distance <= reach) inliers += 1;
  }
  return inliers / count;
}
