import { type Axes, localAxes } from "./axes";
import { aboutAxis, between, normalised, type Pose, product, type Quaternion, rotated, sizeOf } from "./pose";
import { add, dot, times, type Vec3 } from "./vectors";

/** A plane in the camera frame: points with normal · x = offset. The normal points up, away from the ground. */
export interface Plane {
  readonly normal: Vec3;
  readonly offset: number;
}

/** No pose gets smaller or larger than this, in the unit of the point map: beyond, numbers lose their meaning. */
const SIZES = { least: 1e-6, most: 1e6 } as const;

export function moved(pose: Pose, by: Vec3): Pose {
  return { ...pose, translation: add(pose.translation, by) };
}

/** Turned about a unit axis through the object's centre; the axis is given in the camera frame. */
export function turned(pose: Pose, axis: Vec3, radians: number): Pose {
  return turnedBy(pose, aboutAxis(axis, radians));
}

export function turnedBy(pose: Pose, turn: Quaternion): Pose {
  return { ...pose, rotation_wxyz: normalised(product(turn, pose.rotation_wxyz)) };
}

/** Larger about the object's centre. */
export function scaled(pose: Pose, factor: number): Pose {
  const size = sizeOf(pose);
  const kept = Math.min(SIZES.most, Math.max(SIZES.least, size * factor)) / size;
  return { ...pose, scale: times(pose.scale, kept) };
}

/** Farther from the camera and larger by the same factor: the outline in the photograph stays as it is. */
export function dollied(pose: Pose, factor: number): Pose {
  const larger = scaled(pose, factor);
  return { ...larger, translation: times(pose.translation, sizeOf(larger) / sizeOf(pose)) };
}

/** Half a turn about the object's own vertical: front becomes back. */
export function flipped(pose: Pose): Pose {
  return turned(pose, localAxes(pose)[1], Math.PI);
}

/** Half a turn about the object's own x: what was up is down. */
export function upsideDown(pose: Pose): Pose {
  return turned(pose, localAxes(pose)[0], Math.PI);
}

/** Quarter turn about one of the axes. */
export function quarterTurned(pose: Pose, axes: Axes, which: 0 | 1 | 2, sign: 1 | -1): Pose {
  return turned(pose, axes[which], (sign * Math.PI) / 2);
}

/**
 * Stood on the ground: the object's own axis that is nearest to the vertical is made vertical, and the lowest of
 * `points` (object frame) is put on the plane.
 */
export function grounded(pose: Pose, { normal, offset }: Plane, points: Iterable<Vec3>): Pose {
  const nearest = localAxes(pose)
    .flatMap((axis) => [axis, times(axis, -1)])
    .reduce((best, axis) => (dot(axis, normal) > dot(best, normal) ? axis : best));
  const upright = turnedBy(pose, between(nearest, normal));
  const { rotation_wxyz, translation, scale } = upright;
  let lowest = Number.POSITIVE_INFINITY;
  for (const [x, y, z] of points) {
    const placed = rotated(rotation_wxyz, [x * scale[0], y * scale[1], z * scale[2]]);
    lowest = Math.min(lowest, dot(placed, normal));
  }
  if (!Number.isFinite(lowest)) return upright;
  return moved(upright, times(normal, offset - dot(translation, normal) - lowest));
}
