import type { AlignmentTask } from "../../api/alignments";
import { medianDepth } from "../points/pointMap";
import { type Axes, type Frame, localAxes, PHOTOGRAPH_AXES, standing } from "../pose/axes";
import type { Plane } from "../pose/edits";
import { poseFromOutline } from "../pose/firstPose";
import type { View } from "../pose/pinhole";
import { type Pose, sizeOf } from "../pose/pose";
import type { Vec3 } from "../pose/vectors";
import type { Assets } from "./assets";
import { type Ball, ballAround } from "./balls";

/** Radius of a ball around a shape fitted to a unit cube, over its size. */
const BALL = 0.75;
const ONE: Ball = { centre: [0, 0, 1], radius: 1 };

/** The ground under the object, if the scene shows one. */
export function groundOf(task: AlignmentTask | null): Plane | null {
  const plane = task?.ground_plane;
  return plane ? { normal: plane.normal as unknown as Vec3, offset: plane.offset } : null;
}

/** Axes that stand on the ground; without one, those of the photograph. */
export function worldAxes(task: AlignmentTask | null): Axes {
  const ground = groundOf(task);
  return ground ? standing(ground.normal) : PHOTOGRAPH_AXES;
}

/** Directions in which nudges, handles and quarter turns work in a frame. */
export function axesIn(frame: Frame, task: AlignmentTask | null, pose: Pose | null, view: View): Axes {
  if (frame === "local" && pose) return localAxes(pose);
  if (frame === "world") return worldAxes(task);
  return [view.right, view.up, view.toward];
}

/** What should be in view: the object where it stands, and its points. */
export function ballToSee(pose: Pose | null, assets: Assets | null): Ball {
  if (!pose) return ONE;
  const object = { centre: pose.translation, radius: BALL * sizeOf(pose) };
  return assets?.targetBall ? ballAround(object, assets.targetBall) : object;
}

/** Where to begin when the task does not say: as large as M, as far as the scene is. */
export function poseToBegin({ task, targetBox, points }: Assets): Pose {
  return poseFromOutline(targetBox, task.point_map.intrinsics, Math.max(medianDepth(points) ?? 1, 1e-3));
}
