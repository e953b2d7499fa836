import type { BufferGeometry } from "three";
import type { Pixel, View } from "../pose/pinhole";
import { cameraFromObject, type Pose } from "../pose/pose";

/** Whether a pixel of a view lies on the posed shape: any of its triangles, projected, holds it. */
export function picking(shape: BufferGeometry, pose: Pose, view: View, { x, y }: Pixel): boolean {
  const position = shape.getAttribute("position");
  const screen = projected(position.array, position.count, pose, view);
  const index = shape.index?.array;
  const corners = index?.length ?? position.count;
  for (let n = 0; n < corners; n += 3) {
    const a = (index ? (index[n] as number) : n) * 2;
    const b = (index ? (index[n + 1] as number) : n + 1) * 2;
    const c = (index ? (index[n + 2] as number) : n + 2) * 2;
    if (inside(x, y, screen, a, b, c)) return true;
  }
  return false;
}

/** Pixels of all corners; NaN behind the eye, so that no triangle there holds anything. */
function projected(positions: ArrayLike<number>, count: number, pose: Pose, view: View): Float32Array {
  const rows = cameraFromObject(pose) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const screen = new Float32Array(count * 2);
  const { right, up, forward, eye, lens } = view;
  for (let n = 0; n < count; n += 1) {
    const px = positions[n * 3] as number;
    const py = positions[n * 3 + 1] as number;
    const pz = positions[n * 3 + 2] as number;
    const wx = rows[0] * px + rows[1] * py + rows[2] * pz + rows[3] - eye[0];
    const wy = rows[4] * px + rows[5] * py + rows[6] * pz + rows[7] - eye[1];
    const wz = rows[8] * px + rows[9] * py + rows[10] * pz + rows[11] - eye[2];
    const depth = wx * forward[0] + wy * forward[1] + wz * forward[2];
    const seen = depth > 0 ? 1 / depth : Number.NaN;
    screen[n * 2] = lens.cx + lens.fx * (wx * right[0] + wy * right[1] + wz * right[2]) * seen;
    screen[n * 2 + 1] = lens.cy - lens.fy * (wx * up[0] + wy * up[1] + wz * up[2]) * seen;
  }
  return screen;
}

function inside(x: number, y: number, screen: Float32Array, a: number, b: number, c: number): boolean {
  const first = side(x, y, screen, a, b);
  const second = side(x, y, screen, b, c);
  const third = side(x, y, screen, c, a);
  return (first >= 0 && second >= 0 && third >= 0) || (first <= 0 && second <= 0 && third <= 0);
}

function side(x: number, y: number, screen: Float32Array, from: number, to: number): number {
  const [fx, fy] = [screen[from] as number, screen[from + 1] as number];
  return ((screen[to] as number) - fx) * (y - fy) - ((screen[to + 1] as number) - fy) * (x - fx);
}
