import {
  type BufferGeometry,
  DirectionalLight,
  DoubleSide,
  HemisphereLight,
  Mesh,
  MeshLambertMaterial,
  type Object3D,
} from "three";
import { cameraFromObject, type Pose } from "../pose/pose";
import { matrixOf } from "./gizmo";

/** A mesh at a pose in the camera frame. Whoever makes it owns neither geometry nor its end. */
export class PosedShape {
  readonly mesh: Mesh<BufferGeometry, MeshLambertMaterial>;

  constructor(colour: number, geometry?: BufferGeometry) {
    const material = new MeshLambertMaterial({ color: colour, side: DoubleSide });
    this.mesh = new Mesh(geometry, material);
    this.mesh.matrixAutoUpdate = false;
    this.mesh.frustumCulled = false;
  }

  hold(geometry: BufferGeometry | null): void {
    this.mesh.visible = geometry !== null;
    if (geometry) this.mesh.geometry = geometry;
  }

  pose(pose: Pose): void {
    this.mesh.matrix.copy(matrixOf(cameraFromObject(pose)));
    this.mesh.matrixWorldNeedsUpdate = true;
  }

  dispose(): void {
    this.mesh.material.dispose();
  }
}

/** Light from behind the viewer's shoulder, the same wherever the eye goes. */
export function lights(follow: Object3D): Object3D[] {
  const key = new DirectionalLight(0xffffff, 2);
  key.position.set(-0.6, 0.9, 1);
  follow.add(key, key.target);
  return [follow, new HemisphereLight(0xffffff, 0x5c636b, 1.2)];
}
