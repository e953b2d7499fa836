import { BufferAttribute, BufferGeometry, Color, Points, ShaderMaterial } from "three";
import type { PointMap } from "../points/pointMap";
import type { Intrinsics } from "../pose/pinhole";

const VERTEX = /* glsl */ `
  attribute vec4 colour;
  uniform float spacing; // of neighbouring points at depth 1 of the input camera
  uniform float focalPx;
  uniform float size;
  uniform float leastPx;
  uniform float originZ;
  uniform float stepZ;
  uniform float highlight;
  uniform vec3 accent;
  varying vec3 shade;

  void main() {
    vec4 seen = modelViewMatrix * vec4(position, 1.0);
    gl_Position = projectionMatrix * seen;
    float target = step(0.5 / 255.0, colour.a) * highlight;
    shade = mix(colour.rgb, accent, 0.5 * target);
    // As large as the gap to the next point, seen from here: a surface, not dust.
    float gap = spacing * (originZ + stepZ * position.z);
    gl_PointSize = clamp(size * gap * focalPx / max(-seen.z, 1e-9), leastPx * (1.0 + 0.5 * target), 12.0 * leastPx);
  }
`;

const FRAGMENT = /* glsl */ `
  varying vec3 shade;
  void main() {
    gl_FragColor = vec4(shade, 1.0);
  }
`;

const ACCENT = new Color().setRGB(1, 0.83, 0.23);

/** The points of the photograph, one draw call. They lie in three's memory as they were sent: 10 bytes each. */
export class Cloud {
  readonly points: Points<BufferGeometry, ShaderMaterial>;

  constructor() {
    const material = new ShaderMaterial({
      vertexShader: VERTEX,
      fragmentShader: FRAGMENT,
      uniforms: {
        spacing: { value: 1 },
        focalPx: { value: 1 },
        size: { value: 1 },
        leastPx: { value: 1 },
        originZ: { value: 0 },
        stepZ: { value: 1 },
        highlight: { value: 1 },
        accent: { value: ACCENT },
      },
    });
    this.points = new Points(new BufferGeometry(), material);
    this.points.frustumCulled = false;
    this.points.matrixAutoUpdate = false;
    this.points.visible = false;
  }

  /** Draw these points, or none. */
  hold(map: PointMap | null, { fx, width, height }: Intrinsics): void {
    this.points.geometry.dispose();
    this.points.geometry = new BufferGeometry();
    this.points.visible = map !== null && map.count > 0;
    if (map === null || map.count === 0) return;
    const { origin, step, count, positions, colours } = map;
    this.points.geometry.setAttribute("position", new BufferAttribute(positions, 3));
    this.points.geometry.setAttribute("colour", new BufferAttribute(colours, 4, true));
    this.points.matrix.makeScale(...step).setPosition(...origin);
    this.points.matrixWorldNeedsUpdate = true;
    this.#set({
      spacing: Math.max(1, Math.sqrt((width * height) / count)) / fx,
      originZ: origin[2],
      stepZ: step[2],
    });
  }

  /** How the points look: `size` 1 closes the gaps; `focalPx` of the view that draws them. */
  show({
    size,
    highlight,
    focalPx,
    density,
  }: {
    size: number;
    highlight: boolean;
    focalPx: number;
    density: number;
  }): void {
    this.#set({
      size,
      highlight: highlight ? 1 : 0,
      focalPx: focalPx * density,
      leastPx: Math.max(1, 1.5 * size) * density,
    });
  }

  dispose(): void {
    this.points.geometry.dispose();
    this.points.material.dispose();
  }

  #set(values: Record<string, number>): void {
    for (const [name, value] of Object.entries(values)) {
      const uniform = this.points.material.uniforms[name];
      if (uniform) uniform.value = value;
    }
  }
}
