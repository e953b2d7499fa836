import type { Pose } from "../pose/pose";
import { type DistanceGrid, distanceGrid } from "./distanceGrid";
import { inlierShare } from "./inliers";

/** A surface to measure from, and M's points (xyz, camera frame): said once. */
export interface Surface {
  positions: Float32Array;
  index: Uint32Array;
  points: Float32Array;
}

/** Where the shape is now. */
export interface Question {
  id: number;
  pose: Pose;
  tolerance: number;
}

/** `share` is null without points. An answer without a question says that questions may come. */
export type Answer = { id: number; share: number | null } | "ready";

let grid: DistanceGrid | null = null;
let points = new Float32Array();

addEventListener("message", ({ data }: MessageEvent<Surface | Question>) => {
  if ("points" in data) {
    points = data.points as typeof points;
    grid = distanceGrid(data.positions, data.index);
    postMessage("ready" satisfies Answer);
  } else if (grid) {
    const share = inlierShare(points, data.pose, grid, data.tolerance);
    postMessage({ id: data.id, share } satisfies Answer);
  }
});
