import type { Pose } from "../../src/alignment/pose/pose";
import type { AlignmentTask } from "../../src/api/alignments";

export const FIRST: Pose = { rotation_wxyz: [0, 1, 0, 0], translation: [0, 0, 2], scale: [1, 1, 1] };

/** A shape to place, begun upright two units away. */
export function someTask(change: Partial<AlignmentTask> = {}): AlignmentTask {
  return {
    work_item: "item-1",
    token: 3,
    lease_expires_at: null,
    lease_seconds: 600,
    reviewer_note: "",
    image: { url: "/photo.png", preview_url: null, width: 8, height: 6 },
    mask: { height: 6, width: 8, counts: [12, 3, 33] },
    category: "mug",
    description: "",
    mesh_url: "/mesh",
    point_map: {
      url: "/map",
      scale: "metric",
      source: "given",
      intrinsics: { fx: 10, fy: 10, cx: 4, cy: 3, width: 8, height: 6 },
    },
    initial_pose: { rotation_wxyz: [0, 1, 0, 0], translation: [0, 0, 2], scale: [1, 1, 1] },
    initial_pose_source: "target_points",
    point_cloud: { url: "/cloud", size_bytes: 36 },
    ground_plane: null,
    inlier_tolerance: 0.05,
    inlier_tolerance_share: 0.05,
    placed: [],
    guidelines: { version: "g1", markdown: "" },
    ...change,
  };
}
