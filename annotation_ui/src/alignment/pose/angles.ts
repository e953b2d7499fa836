import type { Axes } from "./axes";
import {
  inverse,
  normalised,
  product,
  type Quaternion,
  quaternionOf,
  type Rotation,
  rotationOf,
} from "./pose";
import type { Vec3 } from "./vectors";

/**
 * A rotation in degrees as people type it, against an upright one that faces the camera (all zero). The object is first
 * rolled (about its z), then tilted (x), then turned to its heading (y).
 */
export interface Angles {
  readonly tilt: number;
  readonly heading: number;
  readonly roll: number;
}

const DEGREES = 180 / Math.PI;

/** What is upright: standing on `axes` (right, up, towards the camera; camera frame). */
export function uprightOn([[a, b, c], [d, e, f], [g, h, i]]: Axes): Quaternion {
  return quaternionOf([
    [a, d, g],
    [b, e, h],
    [c, f, i],
  ]);
}

export function anglesOf(quaternion: Quaternion, upright: Quaternion): Angles {
  const [r0, r1, r2] = rotationOf(product(inverse(upright), quaternion));
  const tilt = Math.asin(Math.min(1, Math.max(-1, -r1[2])));
  const locked = Math.abs(r1[2]) > 1 - 1e-9; // heading and roll turn about the same line: all of it is heading
  return {
    tilt: tilt * DEGREES,
    heading: (locked ? Math.atan2(-r2[0], r0[0]) : Math.atan2(r0[2], r2[2])) * DEGREES,
    roll: locked ? 0 : Math.atan2(r1[0], r1[1]) * DEGREES,
  };
}

export function quaternionFromAngles({ tilt, heading, roll }: Angles, upright: Quaternion): Quaternion {
  const [cx, sx] = [Math.cos(tilt / DEGREES), Math.sin(tilt / DEGREES)];
  const [cy, sy] = [Math.cos(heading / DEGREES), Math.sin(heading / DEGREES)];
  const [cz, sz] = [Math.cos(roll / DEGREES), Math.sin(roll / DEGREES)];
  const rows: Rotation = [
    [cy * cz + sy * sx * sz, sy * sx * cz - cy * sz, sy * cx],
    [cx * sz, cx * cz, -sx],
    [cy * sx * sz - sy * cz, sy * sz + cy * sx * cz, cy * cx],
  ] satisfies readonly [Vec3, Vec3, Vec3];
  return normalised(product(upright, quaternionOf(rows)));
}
