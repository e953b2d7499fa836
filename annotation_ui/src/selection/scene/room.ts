import {
  BoxGeometry,
  DirectionalLight,
  HemisphereLight,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
} from "three";
import type { Exhibit } from "./exhibit";
import type { Hall, Scheme } from "./hall";
import { Plate } from "./plate";

const CLAY = { dark: 0xb7bcc2, light: 0xb3bac2 } as const;

/** The hall of meshes. Light and plate are the same for every exhibit, and so is the material of bare shapes. */
export class Room implements Hall {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(28, 1, 0.05, 30);
  /** Of shapes that are judged without their colours. */
  readonly clay = new MeshStandardMaterial({ roughness: 0.85, metalness: 0 });
  readonly #plate = new Plate();
  #exhibit: Exhibit | null = null;

  constructor() {
    const key = new DirectionalLight(0xffffff, 2.1);
    key.position.set(-1.2, 1.6, 1);
    const fill = new DirectionalLight(0xdfe8f2, 0.5);
    fill.position.set(1.5, -0.3, 0.6);
    this.camera.add(key, key.target, fill, fill.target); // light moves with the eye: the same from every side
    this.scene.add(this.camera, new HemisphereLight(0xffffff, 0x6b7076, 1.1), this.#plate);
    this.look("dark");
  }

  look(scheme: Scheme): void {
    this.clay.color.setHex(CLAY[scheme]);
    this.#plate.look(scheme);
  }

  place(exhibit: Exhibit | null): void {
    if (this.#exhibit) this.scene.remove(this.#exhibit.object);
    if (exhibit) this.scene.add(exhibit.object);
    this.#exhibit = exhibit;
    this.#plate.position.y = exhibit?.bottom ?? -0.5;
  }

  /** A shape of the common clay: drawn before the first candidate is there, its shaders are ready when that one comes. */
  sample(): Exhibit {
    const geometry = new BoxGeometry().toNonIndexed();
    return { object: new Mesh(geometry, this.clay), bottom: -0.5, dispose: () => geometry.dispose() };
  }

  sized(): void {
    // meshes are drawn the same at every size
  }

  dispose(): void {
    this.place(null);
    this.clay.dispose();
    this.#plate.dispose();
  }
}
