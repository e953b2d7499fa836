import type { PerspectiveCamera, Scene } from "three";
import type { Exhibit } from "./exhibit";

export type Scheme = "dark" | "light";

/** Where an exhibit stands and is drawn from: one draw after the other, one exhibit at a time. */
export interface Hall {
  readonly scene: Scene;
  readonly camera: PerspectiveCamera;
  look(scheme: Scheme): void;
  /** Put an exhibit onto the plate, or take it away. */
  place(exhibit: Exhibit | null): void;
  /** Width and height of the view that is drawn next, in pixels of the drawing buffer. */
  sized(width: number, height: number): void;
  dispose(): void;
}
