import {
  BoxGeometry,
  type BufferGeometry,
  ConeGeometry,
  CylinderGeometry,
  Group,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  TorusGeometry,
  Vector3,
} from "three";
import type { Axes } from "../pose/axes";
import type { View } from "../pose/pinhole";
import { cross, dot, subtract, times, unit, type Vec3 } from "../pose/vectors";
import type { Handle, Tool } from "../tools/gesture";
import { ARM_PX, OUTER_RING } from "../tools/handles";

const COLOURS = [0xf0605a, 0x6cc04a, 0x4f93f0] as const;
const HELD = 0xffd43b;
const OUTER = 0xaeb6bf;
const THICKNESS = 0.022;

/** The handles of the tool in hand, always as large on the screen and never hidden by the scene. */
export class Gizmo {
  readonly group = new Group();
  readonly #shaft = new CylinderGeometry(THICKNESS, THICKNESS, 0.7, 8).translate(0, 0.5, 0);
  readonly #cone = new ConeGeometry(0.075, 0.2, 16).translate(0, 0.9, 0);
  readonly #box = new BoxGeometry(0.13, 0.13, 0.13).translate(0, 0.9, 0);
  readonly #half = new TorusGeometry(1, THICKNESS * 0.8, 6, 48, Math.PI);
  readonly #circle = new TorusGeometry(OUTER_RING, THICKNESS * 0.6, 6, 72);
  readonly #parts: { tool: Tool; handle: Handle; mesh: Mesh<BufferGeometry, MeshBasicMaterial> }[] = [];

  constructor() {
    for (const axis of [0, 1, 2] as const) {
      this.#add("move", axis, this.#shaft);
      this.#add("move", axis, this.#cone);
      this.#add("scale", axis, this.#shaft);
      this.#add("scale", axis, this.#box);
      this.#add("turn", axis, this.#half);
    }
    this.#add("turn", "ring", this.#circle);
  }

  /** Put the handles around `pivot` (camera frame) as the view sees them; `held` stands out. */
  place(tool: Tool, view: View, axes: Axes, pivot: Vec3, held: Handle | null, only: 0 | 1 | 2 | null): void {
    const arm = ARM_PX * view.unitsPerPixel(pivot);
    for (const { tool: of, handle, mesh } of this.#parts) {
      mesh.visible = of === tool && arm > 0 && (only === null || handle === only);
      if (!mesh.visible) continue;
      const colour = typeof handle === "number" ? COLOURS[handle] : OUTER;
      mesh.material.color.setHex(held === handle || only === handle ? HELD : colour);
      const [x, y, z] =
        handle === "ring" || handle === "free"
          ? ringBasis(view, pivot, view.toward)
          : of === "turn"
            ? ringBasis(view, pivot, axes[handle])
            : shaftBasis(axes[handle]);
      mesh.matrix.makeBasis(vector(x), vector(y), vector(z)).scale(new Vector3(arm, arm, arm));
      mesh.matrix.setPosition(...pivot);
      mesh.matrixWorldNeedsUpdate = true;
    }
  }

  dispose(): void {
    for (const shape of [this.#shaft, this.#cone, this.#box, this.#half, this.#circle]) shape.dispose();
    for (const { mesh } of this.#parts) mesh.material.dispose();
  }

  #add(tool: Tool, handle: Handle, geometry: BufferGeometry): void {
    const material = new MeshBasicMaterial({ depthTest: false, depthWrite: false, transparent: true });
    const mesh = new Mesh(geometry, material);
    mesh.matrixAutoUpdate = false;
    mesh.frustumCulled = false;
    mesh.renderOrder = 10;
    mesh.visible = false;
    this.group.add(mesh);
    this.#parts.push({ tool, handle, mesh });
  }
}

/** The half of the ring that starts at +x and goes over +y faces the viewer. */
function ringBasis(view: View, pivot: Vec3, axis: Vec3): [Vec3, Vec3, Vec3] {
  const sight = unit(subtract(view.eye, pivot));
  const ahead = subtract(sight, times(axis, dot(sight, axis)));
  const first = dot(ahead, ahead) > 1e-9 ? unit(ahead) : unit(cross(axis, view.right));
  return [times(cross(axis, first), -1), first, axis];
}

function shaftBasis(axis: Vec3): [Vec3, Vec3, Vec3] {
  const side = unit(cross(axis, Math.abs(axis[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0]));
  return [side, axis, cross(side, axis)];
}

function vector([x, y, z]: Vec3): Vector3 {
  return new Vector3(x, y, z);
}

/** The pose of a mesh in three's terms, from rows. */
export function matrixOf(rows: readonly number[]): Matrix4 {
  return new Matrix4().fromArray(rows).transpose();
}
