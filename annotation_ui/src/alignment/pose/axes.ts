import { type Pose, rotated } from "./pose";
import { cross, dot, subtract, times, unit, type Vec3 } from "./vectors";

/** Along which directions a nudge, a handle or a quarter turn works. */
export const FRAMES = ["world", "local", "view"] as const;
export type Frame = (typeof FRAMES)[number];

/** Right, up and towards the viewer (or x, y, z of the object), unit directions in the camera frame. */
export type Axes = readonly [Vec3, Vec3, Vec3];

/** The photograph's own axes: right, up, towards the camera. */
export const PHOTOGRAPH_AXES: Axes = [
  [1, 0, 0],
  [0, -1, 0],
  [0, 0, -1],
];

/** Axes that stand on the ground, as little turned away from the photograph's as that allows. */
export function standing(up: Vec3): Axes {
  const right = unit(subtract(PHOTOGRAPH_AXES[0], times(up, dot(PHOTOGRAPH_AXES[0], up))));
  return [right, up, cross(right, up)];
}

/** The object's own axes. */
export function localAxes({ rotation_wxyz }: Pose): Axes {
  return [
    rotated(rotation_wxyz, [1, 0, 0]),
    rotated(rotation_wxyz, [0, 1, 0]),
    rotated(rotation_wxyz, [0, 0, 1]),
  ];
}
