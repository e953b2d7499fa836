import { Matrix4, PerspectiveCamera } from "three";
import type { Box } from "../../photograph/mask";
import { type Intrinsics, View } from "../pose/pinhole";
import { length, subtract, type Vec3 } from "../pose/vectors";

/** From the camera frame (y down, z forward) to three's world (y up, z backward): half a turn about x. */
export const WORLD_FROM_CAMERA = new Matrix4().makeScale(1, -1, -1);

/** What is nearer or farther is not drawn. */
export interface Depths {
  near: number;
  far: number;
}

/** Near and far planes that hold everything within `radius` of `centre`, seen from `eye`. */
export function depthsAround(eye: Vec3, centre: Vec3, radius: number): Depths {
  const far = length(subtract(eye, centre)) + radius;
  return { near: far * 2e-4, far: far * 1.01 };
}

/** A three.js camera that sees what the view sees, in a picture of `width` × `height` CSS pixels. */
export function aim(
  camera: PerspectiveCamera,
  view: View,
  { width, height }: { width: number; height: number },
  { near, far }: Depths,
): void {
  const { fx, fy, cx, cy } = view.lens;
  camera.projectionMatrix.makePerspective(
    (-cx / fx) * near,
    ((width - cx) / fx) * near,
    (cy / fy) * near,
    (-(height - cy) / fy) * near,
    near,
    far,
  );
  camera.projectionMatrixInverse.copy(camera.projectionMatrix).invert();
  const [right, up, toward, eye] = [view.right, view.up, view.toward, view.eye].map(toWorld) as [
    Vec3,
    Vec3,
    Vec3,
    Vec3,
  ];
  camera.matrixWorld.set(
    right[0],
    up[0],
    toward[0],
    eye[0],
    right[1],
    up[1],
    toward[1],
    eye[1],
    right[2],
    up[2],
    toward[2],
    eye[2],
    0,
    0,
    0,
    1,
  );
  camera.matrixWorldInverse.copy(camera.matrixWorld).invert();
}

/** A camera whose matrices are set by `aim` alone. */
export function freeCamera(): PerspectiveCamera {
  const camera = new PerspectiveCamera();
  camera.matrixAutoUpdate = false;
  camera.matrixWorldAutoUpdate = false;
  return camera;
}

/** The input camera where `window` of the photograph fills a picture of `width` × `height`. */
export function windowView(
  { fx, fy, cx, cy }: Intrinsics,
  window: Box,
  { width, height }: { width: number; height: number },
): View {
  const [sx, sy] = [width / window.width, height / window.height];
  return new View([0, 0, 0], [1, 0, 0], [0, 0, 1], {
    fx: fx * sx,
    fy: fy * sy,
    cx: (cx - window.left) * sx,
    cy: (cy - window.top) * sy,
  });
}

function toWorld([x, y, z]: Vec3): Vec3 {
  return [x, -y, -z];
}
