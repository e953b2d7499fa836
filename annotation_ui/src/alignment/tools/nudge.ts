import type { Axes } from "../pose/axes";
import { moved, scaled, turned } from "../pose/edits";
import type { Pose } from "../pose/pose";
import { times } from "../pose/vectors";
import { type Modifiers, SCALE_STEP, type Tool, TURN_STEP_RADIANS } from "./gesture";

/** The keys that nudge: arrows, and two more for the third direction. */
export const NUDGES = ["left", "right", "up", "down", "nearer", "farther"] as const;
export type Nudge = (typeof NUDGES)[number];

/** A press of a key, as a share of a step: smooth, fine, in steps. */
const PRESS = { smooth: 0.25, fine: 0.05, steps: 1 } as const;

const DIRECTIONS: Record<Nudge, { axis: 0 | 1 | 2; sign: 1 | -1 }> = {
  left: { axis: 0, sign: -1 },
  right: { axis: 0, sign: 1 },
  up: { axis: 1, sign: 1 },
  down: { axis: 1, sign: -1 },
  nearer: { axis: 2, sign: 1 },
  farther: { axis: 2, sign: -1 },
};

/** Turning right is about the vertical, turning up about the horizontal; nearer rolls to the left. */
const TURNS: Record<Nudge, { axis: 0 | 1 | 2; sign: 1 | -1 }> = {
  left: { axis: 1, sign: -1 },
  right: { axis: 1, sign: 1 },
  up: { axis: 0, sign: -1 },
  down: { axis: 0, sign: 1 },
  nearer: { axis: 2, sign: 1 },
  farther: { axis: 2, sign: -1 },
};

/** What one press of a nudge key does to the pose with this tool; where one axis is set, all keys keep to it. */
export function nudged(
  pose: Pose,
  nudge: Nudge,
  {
    tool,
    axis: only,
    axes,
    moveStep,
    fine,
    steps,
  }: Modifiers & { tool: Exclude<Tool, "look">; axis: 0 | 1 | 2 | null; axes: Axes; moveStep: number },
): Pose {
  const share = fine ? PRESS.fine : steps ? PRESS.steps : PRESS.smooth;
  const grows = nudge === "right" || nudge === "up" || nudge === "nearer";
  const { axis, sign } =
    only === null ? (tool === "turn" ? TURNS : DIRECTIONS)[nudge] : { axis: only, sign: grows ? 1 : -1 };
  switch (tool) {
    case "move":
      return moved(pose, times(axes[axis], sign * share * moveStep));
    case "turn":
      return turned(pose, axes[axis], sign * share * TURN_STEP_RADIANS);
    case "scale":
      return scaled(pose, (1 + share * SCALE_STEP) ** (grows ? 1 : -1));
  }
}
