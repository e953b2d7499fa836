import { Group, Scene, type WebGLRenderer } from "three";
import type { View } from "../pose/pinhole";
import type { Pose } from "../pose/pose";
import { length } from "../pose/vectors";
import type { Assets } from "./assets";
import { aim, type Depths, freeCamera, WORLD_FROM_CAMERA } from "./cameras";
import { Cloud } from "./cloud";
import { Frustum } from "./frustum";
import { Gizmo } from "./gizmo";
import { lights, PosedShape } from "./shape";

/** The image plane stands at this share of the way to the object: in sight, and out of the way. */
const IMAGE_PLANE_SHARE = 0.3;

/** The scene of the free view: points, the shape, what else is placed, the input camera, the handles. */
export class World {
  readonly gizmo = new Gizmo();
  readonly cloud = new Cloud();
  readonly shape = new PosedShape(0xd8dee6);
  readonly frustum = new Frustum();
  readonly placed = new Group();
  readonly #camera = freeCamera();
  readonly #scene = new Scene();

  constructor() {
    const root = new Group();
    root.matrixAutoUpdate = false;
    root.matrix.copy(WORLD_FROM_CAMERA);
    root.add(this.cloud.points, this.shape.mesh, this.placed, this.frustum.group, this.gizmo.group);
    this.#scene.add(root, ...lights(this.#camera));
  }

  hold(assets: Assets | null, pose: Pose | null): void {
    for (const child of [...this.placed.children]) this.placed.remove(child);
    for (const shape of this.#placedShapes.splice(0)) shape.dispose();
    if (assets === null) {
      this.cloud.hold(null, NO_CAMERA);
      this.shape.hold(null);
      this.frustum.hold(null, NO_CAMERA, 1);
      return;
    }
    const { intrinsics } = assets.task.point_map;
    this.cloud.hold(assets.points, intrinsics);
    this.shape.hold(assets.shape);
    const reach = pose ? length(pose.translation) : 1;
    this.frustum.hold(assets.photograph, intrinsics, reach * IMAGE_PLANE_SHARE);
    for (const { shape: geometry, pose: at } of assets.placed) {
      const shape = new PosedShape(0x8fa3bd, geometry);
      shape.pose(at);
      this.#placedShapes.push(shape);
      this.placed.add(shape.mesh);
    }
  }

  draw(renderer: WebGLRenderer, view: View, size: { width: number; height: number }, depths: Depths): void {
    aim(this.#camera, view, size, depths);
    renderer.render(this.#scene, this.#camera);
  }

  dispose(): void {
    this.hold(null, null);
    this.cloud.dispose();
    this.shape.dispose();
    this.frustum.dispose();
    this.gizmo.dispose();
  }

  readonly #placedShapes: PosedShape[] = [];
}

const NO_CAMERA = { fx: 1, fy: 1, cx: 0.5, cy: 0.5, width: 1, height: 1 };
