import type { Axes } from "../pose/axes";
import { moved, scaled, turned, turnedBy } from "../pose/edits";
import type { Pixel, View } from "../pose/pinhole";
import { aboutAxis, type Pose, product } from "../pose/pose";
import { add, cross, dot, length, subtract, times, unit, type Vec3 } from "../pose/vectors";

/** What the pointer and the arrow keys do. */
export const TOOLS = ["move", "turn", "scale", "look"] as const;
export type Tool = (typeof TOOLS)[number];

/** What was taken hold of: one of the axes, the ring that faces the viewer, or the object as a whole. */
export type Handle = 0 | 1 | 2 | "ring" | "free";

/** Shift makes everything slower, Ctrl goes in steps. */
export interface Modifiers {
  readonly fine: boolean;
  readonly steps: boolean;
}

export interface Grip {
  readonly tool: Exclude<Tool, "look">;
  readonly handle: Handle;
  readonly view: View;
  readonly axes: Axes;
  readonly pose: Pose;
  readonly pointer: Pixel;
  /** Steps of a move, in the unit of the point map. */
  readonly moveStep: number;
}

const FINE = 0.2;
export const TURN_STEP_RADIANS = Math.PI / 12;
export const SCALE_STEP = 0.05;
const RADIANS_PER_PIXEL = 0.008;
const PIXELS_PER_E = 200;
/** A ring whose plane is seen nearly from its edge turns by the way along it instead of the angle in it. */
const EDGE_ON = 0.25;
/** Along an axis that points at the eye more than this, nothing can be moved. */
const END_ON = 0.12;
/** Held nearer to the centre than this, scaling follows the pointer up and down. */
const CENTRE_PX = 24;

/** One drag, from taking hold to letting go: each place of the pointer gives a pose, always from the same start. */
export class Gesture {
  #pointer: Pixel;
  #virtual: Pixel;
  readonly #effect: (at: Pixel, steps: boolean) => Pose;

  constructor(grip: Grip) {
    this.#pointer = grip.pointer;
    this.#virtual = grip.pointer;
    this.#effect = EFFECTS[grip.tool](grip);
  }

  to(pointer: Pixel, { fine, steps }: Modifiers): Pose {
    const share = fine ? FINE : 1;
    this.#virtual = {
      x: this.#virtual.x + (pointer.x - this.#pointer.x) * share,
      y: this.#virtual.y + (pointer.y - this.#pointer.y) * share,
    };
    this.#pointer = pointer;
    return this.#effect(this.#virtual, steps);
  }
}

const EFFECTS = { move: moving, turn: turning, scale: scaling } as const;

function moving({ handle, view, axes, pose, pointer, moveStep }: Grip) {
  const pivot = pose.translation;
  if (typeof handle !== "number") {
    const start = onPlane(view, pointer, pivot, view.toward);
    return (at: Pixel, steps: boolean) => {
      const by = subtract(onPlane(view, at, pivot, view.toward) ?? pivot, start ?? pivot);
      if (!steps) return moved(pose, by);
      const across = times(view.right, rounded(dot(by, view.right), moveStep));
      return moved(pose, add(across, times(view.up, rounded(dot(by, view.up), moveStep))));
    };
  }
  const axis = axes[handle];
  const start = alongAxis(view, pointer, pivot, axis) ?? 0;
  return (at: Pixel, steps: boolean) => {
    const by = (alongAxis(view, at, pivot, axis) ?? start) - start;
    return moved(pose, times(axis, steps ? rounded(by, moveStep) : by));
  };
}

function turning({ handle, view, axes, pose, pointer }: Grip) {
  const pivot = pose.translation;
  if (handle === "free") {
    return (at: Pixel, steps: boolean) => {
      const turn = (pixels: number) =>
        steps ? rounded(pixels * RADIANS_PER_PIXEL, TURN_STEP_RADIANS) : pixels * RADIANS_PER_PIXEL;
      const sideways = aboutAxis(view.up, turn(at.x - pointer.x));
      return turnedBy(pose, product(aboutAxis(view.right, turn(at.y - pointer.y)), sideways));
    };
  }
  const axis = handle === "ring" ? view.toward : axes[handle];
  const sight = unit(subtract(pivot, view.eye));
  const angle =
    Math.abs(dot(axis, sight)) < EDGE_ON
      ? angleAlong(view, axis, sight, pointer)
      : angleAround(view, pivot, axis, pointer);
  return (at: Pixel, steps: boolean) =>
    turned(pose, axis, steps ? rounded(angle(at), TURN_STEP_RADIANS) : angle(at));
}

function scaling({ view, pose, pointer }: Grip) {
  const centre = view.project(pose.translation) ?? pointer;
  const start = distance(pointer, centre);
  return (at: Pixel, steps: boolean) => {
    const factor =
      start < CENTRE_PX
        ? Math.exp((pointer.y - at.y) / PIXELS_PER_E)
        : Math.max(distance(at, centre), 1) / start;
    return scaled(pose, steps ? Math.max(SCALE_STEP, rounded(factor, SCALE_STEP)) : factor);
  };
}

/** Angle from the start about an axis that points more or less at the viewer: measured in the plane of the ring. */
function angleAround(view: View, pivot: Vec3, axis: Vec3, start: Pixel): (at: Pixel) => number {
  const first = unit(subtract(onPlane(view, start, pivot, axis) ?? pivot, pivot));
  const second = cross(axis, first);
  return (at) => {
    const arm = subtract(onPlane(view, at, pivot, axis) ?? pivot, pivot);
    return Math.atan2(dot(arm, second), dot(arm, first));
  };
}

/** Angle about an axis seen from the side: the way along the front of the ring, a radian for its radius. */
function angleAlong(view: View, axis: Vec3, sight: Vec3, start: Pixel): (at: Pixel) => number {
  const forward = unit(cross(axis, times(sight, -1))); // where the front of the ring goes when it turns
  const [x, y] = [dot(forward, view.right), -dot(forward, view.up)];
  return (at) => ((at.x - start.x) * x + (at.y - start.y) * y) * RADIANS_PER_PIXEL;
}

/** Where the ray through a pixel meets the plane through `pivot`; null where it does not. */
function onPlane(view: View, pixel: Pixel, pivot: Vec3, normal: Vec3): Vec3 | null {
  const ray = view.ray(pixel);
  const slope = dot(ray, normal);
  if (Math.abs(slope) < 1e-9) return null;
  const reach = dot(subtract(pivot, view.eye), normal) / slope;
  return reach > 0 ? add(view.eye, times(ray, reach)) : null;
}

/**
 * Where along the axis through `pivot` a pixel points, in units along it: on the plane that holds the axis and is seen
 * most from its front. Null where the axis points at the eye.
 */
function alongAxis(view: View, pixel: Pixel, pivot: Vec3, axis: Vec3): number | null {
  const sight = unit(subtract(pivot, view.eye));
  const normal = subtract(sight, times(axis, dot(sight, axis)));
  if (length(normal) < END_ON) return null;
  const place = onPlane(view, pixel, pivot, unit(normal));
  return place && dot(subtract(place, pivot), axis);
}

function rounded(value: number, step: number): number {
  return Math.round(value / step) * step;
}

function distance(a: Pixel, b: Pixel): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
