import { SparkRenderer, SplatFileType, SplatMesh } from "@sparkjsdev/spark";
import { type Camera, PerspectiveCamera, Scene, type WebGLRenderer } from "three";
import type { Exhibit } from "./exhibit";
import type { Hall, Scheme } from "./hall";
import { Plate } from "./plate";

/** Read a Gaussian splat. It brings its own hall: splats are sorted for one camera, so each place needs its own. */
export async function readSplat(ply: ArrayBuffer): Promise<Exhibit> {
  const mesh = new SplatMesh({ fileBytes: new Uint8Array(ply), fileType: SplatFileType.PLY });
  await mesh.initialized;
  return {
    object: mesh,
    bottom: mesh.getBoundingBox().min.y,
    ownHall: (renderer, onChange) => new SplatHall(renderer, onChange),
    dispose: () => mesh.dispose(),
  };
}

/** The hall of splats: no light, since theirs is baked in, and the same plate. */
class SplatHall implements Hall {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(28, 1, 0.05, 30);
  readonly #plate = new Plate();
  readonly #spark: SplatsInView;
  #exhibit: Exhibit | null = null;

  constructor(renderer: WebGLRenderer, onChange: () => void) {
    this.#spark = new SplatsInView({ renderer, onDirty: onChange, enableLod: false });
    this.scene.add(this.camera, this.#spark, this.#plate);
  }

  look(scheme: Scheme): void {
    this.#plate.look(scheme);
  }

  place(exhibit: Exhibit | null): void {
    if (exhibit === this.#exhibit) return;
    if (this.#exhibit) this.scene.remove(this.#exhibit.object);
    if (exhibit) this.scene.add(exhibit.object);
    this.#exhibit = exhibit;
    this.#plate.position.y = exhibit?.bottom ?? -0.5;
  }

  sized(width: number, height: number): void {
    this.#spark.viewSize = [width, height];
  }

  dispose(): void {
    this.place(null);
    this.#spark.dispose();
    this.#plate.dispose();
  }
}

/** Spark takes the whole canvas for its view; ours is one of two on it. */
class SplatsInView extends SparkRenderer {
  viewSize: [number, number] = [1, 1];

  override onBeforeRender(renderer: WebGLRenderer, scene: Scene, camera: Camera): void {
    super.onBeforeRender(renderer, scene, camera);
    this.uniforms.renderSize.value.set(...this.viewSize);
  }
}
