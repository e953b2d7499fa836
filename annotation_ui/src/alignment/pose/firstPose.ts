import type { Box } from "../../photograph/mask";
import type { Intrinsics } from "./pinhole";
import { type Pose, UPRIGHT_FACING_CAMERA } from "./pose";

/** Where to begin when nothing is known but the outline: as large as M at `depth`, upright, facing the camera. */
export function poseFromOutline(box: Box, { fx, fy, cx, cy }: Intrinsics, depth: number): Pose {
  const extent = Math.max(box.width / fx, box.height / fy) * depth;
  return {
    rotation_wxyz: UPRIGHT_FACING_CAMERA,
    translation: [
      ((box.left + box.width / 2 - cx) / fx) * depth,
      ((box.top + box.height / 2 - cy) / fy) * depth,
      depth,
    ],
    scale: [extent, extent, extent],
  };
}
