import type { PerspectiveCamera } from "three";

const START = { azimuth: Math.PI / 6, elevation: Math.PI / 10, zoom: 1 } as const;
const HIGHEST = Math.PI / 2 - 0.02;
const SPIN_RADIANS_PER_SECOND = Math.PI / 6;
const RADIANS_PER_PIXEL = 0.008;
/** What is always in view at zoom 1, from the middle of a shape in [-0.5, 0.5]³: across, and up and down to the plate. */
const RADIUS_ACROSS = 0.78;
const RADIUS_HIGH = 0.88;

/** Where a shape is looked at from. Angles in radians; azimuth 0 looks along -Z, elevation 0 from the side. */
export class Turntable {
  azimuth: number = START.azimuth;
  elevation: number = START.elevation;
  zoom: number = START.zoom;

  spin(seconds: number): void {
    this.azimuth = (this.azimuth + SPIN_RADIANS_PER_SECOND * seconds) % (2 * Math.PI);
  }

  /** Turn the shape under the pointer, by pixels. */
  drag(dx: number, dy: number): void {
    this.turn(-dx * RADIANS_PER_PIXEL, dy * RADIANS_PER_PIXEL);
  }

  turn(azimuth: number, elevation: number): void {
    this.azimuth += azimuth;
    this.elevation = Math.min(HIGHEST, Math.max(-HIGHEST, this.elevation + elevation));
  }

  /** Come `factor` times closer. */
  closer(factor: number): void {
    this.zoom = Math.min(6, Math.max(0.5, this.zoom * factor));
  }

  reset(): void {
    Object.assign(this, START);
  }

  copy(other: Turntable): void {
    this.azimuth = other.azimuth;
    this.elevation = other.elevation;
    this.zoom = other.zoom;
  }

  /** Put the camera there; its aspect must be set. */
  apply(camera: PerspectiveCamera): void {
    const half = ((camera.fov / 2) * Math.PI) / 180;
    const across = Math.atan(Math.tan(half) * camera.aspect);
    const distance = Math.max(RADIUS_ACROSS / Math.sin(across), RADIUS_HIGH / Math.sin(half)) / this.zoom;
    const flat = distance * Math.cos(this.elevation);
    camera.position.set(
      flat * Math.sin(this.azimuth),
      distance * Math.sin(this.elevation),
      flat * Math.cos(this.azimuth),
    );
    camera.lookAt(0, 0, 0);
  }
}
