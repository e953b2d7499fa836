import { type Angles, anglesOf, quaternionFromAngles } from "./angles";
import { scaled } from "./edits";
import { type Pose, type Quaternion, sizeOf } from "./pose";
import type { Vec3 } from "./vectors";

/**
 * One number of a pose, to read and to type. `write` gives null where the number makes no pose. Angles are against what is
 * `upright`.
 */
export interface PoseField {
  readonly name: string;
  readonly title: string;
  readonly unit: "length" | "degrees";
  readonly read: (pose: Pose, upright: Quaternion) => number;
  readonly write: (pose: Pose, value: number, upright: Quaternion) => Pose | null;
}

export const POSE_FIELDS: readonly PoseField[] = [
  position("x", 0, "to the right"),
  position("y", 1, "downwards"),
  position("z", 2, "away from the camera"),
  {
    name: "size",
    title: "Scale: the longest side of the shape",
    unit: "length",
    read: sizeOf,
    write: (pose, value) => (value > 0 ? scaled(pose, value / sizeOf(pose)) : null),
  },
  angle("heading"),
  angle("tilt"),
  angle("roll"),
];

function position(name: string, axis: 0 | 1 | 2, where: string): PoseField {
  return {
    name,
    title: `Position, ${where}`,
    unit: "length",
    read: ({ translation }) => translation[axis],
    write: (pose, value) => {
      const [x, y, z] = pose.translation.map((old, n) => (n === axis ? value : old));
      return { ...pose, translation: [x, y, z] as Vec3 };
    },
  };
}

function angle(name: keyof Angles): PoseField {
  return {
    name,
    title: `Rotation, ${name}; all zero is upright on the ground and facing the camera`,
    unit: "degrees",
    read: ({ rotation_wxyz }, upright) => anglesOf(rotation_wxyz, upright)[name],
    write: (pose, value, upright) => {
      const angles = { ...anglesOf(pose.rotation_wxyz, upright), [name]: value };
      return { ...pose, rotation_wxyz: quaternionFromAngles(angles, upright) };
    },
  };
}
