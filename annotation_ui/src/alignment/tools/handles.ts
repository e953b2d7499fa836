import type { Axes } from "../pose/axes";
import type { Pixel, View } from "../pose/pinhole";
import { add, cross, dot, subtract, times, unit, type Vec3 } from "../pose/vectors";
import type { Handle, Tool } from "./gesture";

/** Length of the arms, in CSS pixels at the depth of the object. */
export const ARM_PX = 84;
/** Radius of the ring that faces the viewer, over the length of the arms. */
export const OUTER_RING = 1.18;
const REACH_PX = 9;
const RING_PIECES = 64;
const INNER_SHARE = 0.15;

/** The handle under the pointer, or null. Lines are searched in pixels: nothing of the scene is raycast. */
export function handleAt(tool: Tool, pointer: Pixel, view: View, axes: Axes, pivot: Vec3): Handle | null {
  if (tool === "look") return null;
  const arm = ARM_PX * view.unitsPerPixel(pivot);
  if (arm <= 0) return null;
  const found = ([0, 1, 2] as const).map((which) => {
    const line = tool === "turn" ? ring(view, pivot, axes[which], arm) : shaft(pivot, axes[which], arm);
    return { handle: which as Handle, px: pixelsFrom(pointer, view, line) };
  });
  if (tool === "turn") {
    const line = ring(view, pivot, view.toward, arm * OUTER_RING, true);
    found.push({ handle: "ring", px: pixelsFrom(pointer, view, line) });
  }
  const nearest = found.reduce((best, one) => (one.px < best.px ? one : best));
  return nearest.px <= REACH_PX ? nearest.handle : null;
}

function shaft(pivot: Vec3, axis: Vec3, arm: number): Vec3[] {
  return [add(pivot, times(axis, arm * INNER_SHARE)), add(pivot, times(axis, arm))];
}

/** The half of a ring that faces the viewer, or all of it. */
function ring(view: View, pivot: Vec3, axis: Vec3, radius: number, whole = false): Vec3[] {
  const sight = unit(subtract(view.eye, pivot));
  const ahead = subtract(sight, times(axis, dot(sight, axis)));
  const first = dot(ahead, ahead) > 1e-9 ? unit(ahead) : unit(cross(axis, view.right));
  const second = cross(axis, first);
  const span = whole ? Math.PI : Math.PI / 2;
  return Array.from({ length: RING_PIECES + 1 }, (_, n) => {
    const angle = -span + (2 * span * n) / RING_PIECES;
    const arm = add(times(first, Math.cos(angle)), times(second, Math.sin(angle)));
    return add(pivot, times(arm, radius));
  });
}

function pixelsFrom(pointer: Pixel, view: View, line: readonly Vec3[]): number {
  const places = line.map((point) => view.project(point));
  let least = Number.POSITIVE_INFINITY;
  for (let n = 1; n < places.length; n += 1) {
    const [a, b] = [places[n - 1], places[n]];
    if (a && b) least = Math.min(least, pixelsFromPiece(pointer, a, b));
  }
  return least;
}

function pixelsFromPiece(p: Pixel, a: Pixel, b: Pixel): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const share = ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy || 1);
  const at = Math.min(1, Math.max(0, share));
  return Math.hypot(p.x - a.x - at * dx, p.y - a.y - at * dy);
}
