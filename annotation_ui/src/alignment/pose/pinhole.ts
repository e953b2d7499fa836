import { add, cross, dot, subtract, times, unit, type Vec3 } from "./vectors";

/** Focal lengths and principal point in pixels of an image; pixel centres lie at integer + 0.5. */
export interface Intrinsics {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  readonly width: number;
  readonly height: number;
}

/** A place in a view: CSS pixels from its upper left corner. */
export interface Pixel {
  readonly x: number;
  readonly y: number;
}

/**
 * A pinhole that looks into the scene: the input camera, or the eye of the free view. Everything in the frame of the
 * input camera (x right, y down, z forward), so that the input camera is the view from its origin.
 */
export class View {
  readonly up: Vec3;
  /** Towards the one who looks. */
  readonly toward: Vec3;

  constructor(
    readonly eye: Vec3,
    readonly right: Vec3,
    readonly forward: Vec3,
    /** Pixels: focal lengths, and where the ray straight ahead meets the picture. */
    readonly lens: { fx: number; fy: number; cx: number; cy: number },
  ) {
    this.toward = times(forward, -1);
    this.up = cross(right, forward);
  }

  /** Where a point appears; null behind the eye. */
  project(point: Vec3): (Pixel & { depth: number }) | null {
    const from = subtract(point, this.eye);
    const depth = dot(from, this.forward);
    if (depth <= 0) return null;
    return {
      x: this.lens.cx + (this.lens.fx * dot(from, this.right)) / depth,
      y: this.lens.cy - (this.lens.fy * dot(from, this.up)) / depth,
      depth,
    };
  }

  /** Unit direction of the ray through a pixel. */
  ray({ x, y }: Pixel): Vec3 {
    const across = times(this.right, (x - this.lens.cx) / this.lens.fx);
    const down = times(this.up, (this.lens.cy - y) / this.lens.fy);
    return unit(add(this.forward, add(across, down)));
  }

  /** How long one pixel is at the depth of a point. */
  unitsPerPixel(point: Vec3): number {
    return Math.max(dot(subtract(point, this.eye), this.forward), 0) / this.lens.fx;
  }
}

/** The input camera, whose photograph is shown `zoom` times as large with its corner at (left, top). */
export function inputView(
  { fx, fy, cx, cy }: Intrinsics,
  { left, top, zoom }: { left: number; top: number; zoom: number },
): View {
  return new View([0, 0, 0], [1, 0, 0], [0, 0, 1], {
    fx: fx * zoom,
    fy: fy * zoom,
    cx: left + cx * zoom,
    cy: top + cy * zoom,
  });
}
