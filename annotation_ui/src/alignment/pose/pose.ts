/**
 * Poses of objects in the camera frame: x_camera = R · (s * x_object) + t, column vectors, quaternions wxyz.
 *
 * Camera frame: OpenCV (x right, y down, z forward). Object frame: right-handed, Y up, in [-0.5, 0.5]³. The same
 * mathematics as `engine/contracts/poses.py`; both are tested against `tests/fixtures/poses.json`.
 */

import type { Intrinsics } from "./pinhole";
import { cross, type Vec3 } from "./vectors";

export type Quaternion = readonly [number, number, number, number];

/** Rows of a rotation matrix. */
export type Rotation = readonly [Vec3, Vec3, Vec3];

/** Layout (R, t, s) of an object: translation and scale in the unit of the point map. */
export interface Pose {
  readonly rotation_wxyz: Quaternion;
  readonly translation: Vec3;
  readonly scale: Vec3;
}

/** The object stands upright and faces the camera: half a turn about x. */
export const UPRIGHT_FACING_CAMERA: Quaternion = [0, 1, 0, 0];

const LEAST_SIZE_PX = 1;
const UNIT_TOLERANCE = 1e-3;

export function normalised(q: Quaternion): Quaternion {
  const norm = Math.hypot(...q);
  return [q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm];
}

/** The turn back, of a unit quaternion. */
export function inverse([w, x, y, z]: Quaternion): Quaternion {
  return [w, -x, -y, -z];
}

/** First `b`, then `a`. */
export function product(a: Quaternion, b: Quaternion): Quaternion {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

/** The turn by `radians` about a unit axis. */
export function aboutAxis(axis: Vec3, radians: number): Quaternion {
  const sine = Math.sin(radians / 2);
  return [Math.cos(radians / 2), axis[0] * sine, axis[1] * sine, axis[2] * sine];
}

/** The shortest turn that takes one unit direction to another. */
export function between(from: Vec3, to: Vec3): Quaternion {
  const cosine = from[0] * to[0] + from[1] * to[1] + from[2] * to[2];
  if (cosine < -1 + 1e-9) {
    const [x, y, z] = cross(from, Math.abs(from[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0]);
    return normalised([0, x, y, z]);
  }
  const [x, y, z] = cross(from, to);
  return normalised([1 + cosine, x, y, z]);
}

/** Rotation matrix of a quaternion (normalised first). */
export function rotationOf(quaternion: Quaternion): Rotation {
  const [w, x, y, z] = normalised(quaternion);
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ];
}

/** Unit quaternion with w ≥ 0 of a rotation matrix. */
export function quaternionOf(m: Rotation): Quaternion {
  const [[a, b, c], [d, e, f], [g, h, i]] = m;
  const candidates: Quaternion[] = [
    [1 + a + e + i, h - f, c - g, d - b],
    [h - f, 1 + a - e - i, b + d, c + g],
    [c - g, b + d, 1 - a + e - i, f + h],
    [d - b, c + g, f + h, 1 - a - e + i],
  ];
  // Four times the squared components lie on the diagonal; the largest one is the safe divisor.
  const best = candidates
    .map((row, n) => ({ row, square: row[n] as number }))
    .reduce((kept, other) => (other.square > kept.square ? other : kept)).row;
  const [w, x, y, z] = normalised(best);
  return w < 0 ? [-w, -x, -y, -z] : [w, x, y, z];
}

export function rotated(quaternion: Quaternion, [x, y, z]: Vec3): Vec3 {
  const [r0, r1, r2] = rotationOf(quaternion);
  return [
    r0[0] * x + r0[1] * y + r0[2] * z,
    r1[0] * x + r1[1] * y + r1[2] * z,
    r2[0] * x + r2[1] * y + r2[2] * z,
  ];
}

/** Rows of the 4 × 4 matrix that takes homogeneous object points to the camera frame. */
export function cameraFromObject({ rotation_wxyz, translation, scale }: Pose): number[] {
  const rows = rotationOf(rotation_wxyz);
  const upper = rows.flatMap((row, n) => [
    row[0] * scale[0],
    row[1] * scale[1],
    row[2] * scale[2],
    translation[n as 0 | 1 | 2],
  ]);
  return [...upper, 0, 0, 0, 1];
}

/** An object point in the camera frame. */
export function transformed(pose: Pose, [x, y, z]: Vec3): Vec3 {
  const [sx, sy, sz] = pose.scale;
  const [a, b, c] = rotated(pose.rotation_wxyz, [x * sx, y * sy, z * sz]);
  const [tx, ty, tz] = pose.translation;
  return [a + tx, b + ty, c + tz];
}

/** One number for the size: the geometric mean of the three scales, which the tool changes together. */
export function sizeOf({ scale: [x, y, z] }: Pose): number {
  return Math.cbrt(x * y * z);
}

export function samePose(a: Pose, b: Pose): boolean {
  const numbers = (pose: Pose) => [...pose.rotation_wxyz, ...pose.translation, ...pose.scale];
  const others = numbers(b);
  return a === b || numbers(a).every((value, n) => value === others[n]);
}

/** Read a pose that came from outside; null where it is none. */
export function readPose(content: unknown): Pose | null {
  if (typeof content !== "object" || content === null) return null;
  const { rotation_wxyz, translation, scale } = content as Record<string, unknown>;
  const [q, t, s] = [numbersOf(rotation_wxyz, 4), numbersOf(translation, 3), numbersOf(scale, 3)];
  if (!q || !t || !s || Math.min(...s) <= 0) return null;
  if (Math.abs(Math.hypot(...q) - 1) > UNIT_TOLERANCE) return null;
  return {
    rotation_wxyz: normalised(q as unknown as Quaternion),
    translation: t as unknown as Vec3,
    scale: s as unknown as Vec3,
  };
}

/** What the server would refuse about a pose, in its words; null where nothing. Source: `engine/layouts.py`. */
export function problemOf({ translation, scale }: Pose, { fx, fy }: Intrinsics): string | null {
  if (![...translation, ...scale].every(Number.isFinite) || Math.min(...scale) <= 0)
    return "The pose is degenerate. Undo, or start again from the first pose.";
  const depth = translation[2];
  if (depth <= 0) return "The object's centre lies behind the camera. Move it away from the camera.";
  if ((Math.max(...scale) * Math.max(fx, fy)) / depth < LEAST_SIZE_PX)
    return "The object is smaller than a pixel. Make it larger or bring it nearer.";
  return null;
}

function numbersOf(content: unknown, count: number): number[] | null {
  if (!Array.isArray(content) || content.length !== count) return null;
  return content.every((value) => typeof value === "number" && Number.isFinite(value)) ? content : null;
}
