import type { Object3D, WebGLRenderer } from "three";
import type { Hall } from "./hall";

/** Something that stands on a turntable. */
export interface Exhibit {
  readonly object: Object3D;
  /** Height of its lowest point, in object units: the plate lies there. */
  readonly bottom: number;
  /** A hall of its own for each place, where it cannot stand in the common one. */
  readonly ownHall?: (renderer: WebGLRenderer, onChange: () => void) => Hall;
  dispose(): void;
}
