import { type Axes, PHOTOGRAPH_AXES } from "../pose/axes";
import { View } from "../pose/pinhole";
import { add, cross, dot, length, times, unit, type Vec3 } from "../pose/vectors";

/** Where the scene can be looked at from at the press of a key. */
export const VIEWS = ["input", "start", "left", "right", "top", "behind"] as const;
export type ViewName = (typeof VIEWS)[number];

const FIELD_OF_VIEW_RADIANS = (40 * Math.PI) / 180;
const STEEPEST = (89 * Math.PI) / 180;
const RADIANS_PER_PIXEL = 0.007;
const ROOM = 1.35;

/** Angles of a view: heading to the right of the input camera as seen from the object, elevation over it. */
const ANGLES: Record<Exclude<ViewName, "input">, { heading: number; elevation: number | null }> = {
  start: { heading: 0.55, elevation: null },
  left: { heading: -Math.PI / 2, elevation: 0 },
  right: { heading: Math.PI / 2, elevation: 0 },
  top: { heading: 0, elevation: STEEPEST },
  behind: { heading: Math.PI, elevation: 0.3 },
};
const START_RISE = 0.3;

/** The eye of the free view: it goes around a pivot, or stands where the input camera stood. Camera frame. */
export class Orbit {
  #axes: Axes = PHOTOGRAPH_AXES;
  #pivot: Vec3 = [0, 0, 1];
  #distance = 1;
  #heading = 0;
  #elevation = 0;
  #input = false;

  /** Whether it looks through the input camera. */
  get throughInput(): boolean {
    return this.#input;
  }

  get distance(): number {
    return this.#input ? length(this.#pivot) : this.#distance;
  }

  /** Which way is up. */
  stand(axes: Axes): void {
    this.#axes = axes;
  }

  /** Look at a ball from one of the known sides, so that it fills the picture. */
  show(name: ViewName, centre: Vec3, radius: number): void {
    this.#pivot = centre;
    this.#distance = (ROOM * radius) / Math.sin(FIELD_OF_VIEW_RADIANS / 2);
    this.#input = name === "input";
    if (name === "input") return;
    const { heading, elevation } = this.#anglesTo(times(centre, -1));
    const wanted = ANGLES[name];
    this.#heading = heading + wanted.heading;
    this.#elevation = clamp(wanted.elevation ?? elevation + START_RISE);
  }

  /** Keep the side and come so close that a ball fills the picture. */
  fit(centre: Vec3, radius: number): void {
    this.#leaveInput();
    this.#pivot = centre;
    this.#distance = (ROOM * radius) / Math.sin(FIELD_OF_VIEW_RADIANS / 2);
  }

  turn(heading: number, elevation: number): void {
    this.#leaveInput();
    this.#heading += heading;
    this.#elevation = clamp(this.#elevation + elevation);
  }

  /** Follow a pointer. */
  drag(dx: number, dy: number): void {
    this.turn(-dx * RADIANS_PER_PIXEL, dy * RADIANS_PER_PIXEL);
  }

  /** Shift the picture by pixels of the view. */
  pan(dx: number, dy: number, view: View): void {
    const perPixel = view.unitsPerPixel(this.#pivot);
    this.#leaveInput();
    const across = times(view.right, -dx * perPixel);
    this.#pivot = add(this.#pivot, add(across, times(view.up, dy * perPixel)));
  }

  /** Come `factor` times closer. */
  closer(factor: number): void {
    this.#leaveInput();
    this.#distance /= factor;
  }

  /** The view in a picture of `width` × `height`. Not for the input camera, whose lens is the photograph's. */
  view({ width, height }: { width: number; height: number }): View {
    const [x, y, z] = this.#axes;
    const flat = Math.cos(this.#elevation);
    const toEye = add(
      add(times(x, flat * Math.sin(this.#heading)), times(y, Math.sin(this.#elevation))),
      times(z, flat * Math.cos(this.#heading)),
    );
    const forward = times(toEye, -1);
    const right = unit(cross(forward, y));
    const focal = Math.min(width, height) / 2 / Math.tan(FIELD_OF_VIEW_RADIANS / 2);
    const eye = add(this.#pivot, times(toEye, this.#distance));
    return new View(eye, right, forward, { fx: focal, fy: focal, cx: width / 2, cy: height / 2 });
  }

  /** From where the input camera stood, the eye goes on around the pivot. */
  #leaveInput(): void {
    if (!this.#input) return;
    this.#input = false;
    this.#distance = length(this.#pivot);
    const { heading, elevation } = this.#anglesTo(times(this.#pivot, -1));
    this.#heading = heading;
    this.#elevation = clamp(elevation);
  }

  #anglesTo(direction: Vec3): { heading: number; elevation: number } {
    const [x, y, z] = this.#axes;
    const to = unit(direction);
    return { heading: Math.atan2(dot(to, x), dot(to, z)), elevation: Math.asin(clampUnit(dot(to, y))) };
  }
}

function clamp(elevation: number): number {
  return Math.min(STEEPEST, Math.max(-STEEPEST, elevation));
}

function clampUnit(value: number): number {
  return Math.min(1, Math.max(-1, value));
}
