import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  ShaderMaterial,
  type Texture,
} from "three";
import type { Intrinsics } from "../pose/pinhole";

const VERTEX = /* glsl */ `
  attribute vec2 place;
  varying vec2 at;
  void main() {
    at = place;
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  }
`;
const FRAGMENT = /* glsl */ `
  uniform sampler2D photograph;
  varying vec2 at;
  void main() {
    gl_FragColor = vec4(texture2D(photograph, at).rgb, 1.0);
  }
`;

/** Where the photograph was taken from: the camera's pyramid, with the photograph on its image plane. */
export class Frustum {
  readonly group = new Group();
  readonly #lines = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ color: 0x8b95a1 }));
  readonly #picture = new Mesh(
    new BufferGeometry(),
    new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: { photograph: { value: null } },
      side: DoubleSide,
    }),
  );

  constructor() {
    this.group.add(this.#lines, this.#picture);
    for (const part of this.group.children) part.frustumCulled = false;
  }

  /** Put the image plane at `depth` in front of the camera (camera frame). */
  hold(photograph: Texture | null, { fx, fy, cx, cy, width, height }: Intrinsics, depth: number): void {
    const corner = (u: number, v: number) => [((u - cx) / fx) * depth, ((v - cy) / fy) * depth, depth];
    const corners = [corner(0, 0), corner(width, 0), corner(width, height), corner(0, height)];
    const [a, b, c, d] = corners as [number[], number[], number[], number[]];
    const eye = [0, 0, 0];
    const lines = [eye, a, eye, b, eye, c, eye, d, a, b, b, c, c, d, d, a].flat();
    this.#lines.geometry.dispose();
    this.#lines.geometry = new BufferGeometry();
    this.#lines.geometry.setAttribute("position", new BufferAttribute(new Float32Array(lines), 3));
    this.#picture.geometry.dispose();
    this.#picture.geometry = new BufferGeometry();
    this.#picture.geometry.setAttribute(
      "position",
      new BufferAttribute(new Float32Array([...a, ...b, ...c, ...d]), 3),
    );
    this.#picture.geometry.setAttribute(
      "place",
      new BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2),
    );
    this.#picture.geometry.setIndex([0, 2, 1, 0, 3, 2]);
    const uniform = this.#picture.material.uniforms.photograph;
    if (uniform) uniform.value = photograph;
    this.#picture.visible = photograph !== null;
  }

  dispose(): void {
    for (const part of [this.#lines, this.#picture]) {
      part.geometry.dispose();
      part.material.dispose();
    }
  }
}
