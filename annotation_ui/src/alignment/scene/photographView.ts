import {
  type BufferGeometry,
  DataTexture,
  GLSL3,
  Group,
  LinearFilter,
  LinearMipmapNearestFilter,
  Mesh,
  NearestFilter,
  OrthographicCamera,
  PlaneGeometry,
  RawShaderMaterial,
  RedFormat,
  Scene,
  type Texture,
  Vector2,
  Vector4,
  type WebGLRenderer,
  WebGLRenderTarget,
} from "three";
import type { Box, MaskPicture } from "../../photograph/mask";
import { drawsInSoftware } from "../../shell/graphics";
import type { Intrinsics } from "../pose/pinhole";
import type { Pose } from "../pose/pose";
import { aim, type Depths, freeCamera, WORLD_FROM_CAMERA, windowView } from "./cameras";
import { lights, PosedShape } from "./shape";

/** How the mesh lies over the photograph: its outline, its surface, or where it fits and where not. */
export const OVERLAYS = ["fit", "surface", "outline"] as const;
export type Overlay = (typeof OVERLAYS)[number];

export interface Look {
  overlay: Overlay;
  /** Of surface and fit colours, in [0, 1]. */
  opacity: number;
  /** Whether the outline of M is drawn. */
  target: boolean;
  /** Whether the mesh is drawn. */
  mesh: boolean;
}

/** Match, missing and excess: apart for colour-blind people too, and in their patterns. */
export const FIT_COLOURS = { match: "#2fb5a5", missing: "#ffb000", excess: "#e0449a" } as const;

const VERTEX = /* glsl */ `
  in vec3 position;
  in vec2 uv;
  out vec2 at;
  void main() {
    at = vec2(uv.x, 1.0 - uv.y); // from the upper left corner
    gl_Position = vec4(position.xy, 0.0, 1.0);
  }
`;

/** Shares of a ring that lies over an edge as far away as the bright line is wide: acos(line / ring) / π. */
const TARGET = { ring: 3, line: 0.31 };
const MESH = { ring: 2.6, line: 0.33 };
const TAPS = 12;
/** What a ring of taps sums up, written out: angles at every pixel are work that software does not leave out. */
const taps = (inside: string) =>
  Array.from({ length: TAPS }, (_, tap) => (2 * Math.PI * tap) / TAPS)
    .map(
      (angle) =>
        `${inside}(place + reach * vec2(${Math.cos(angle).toFixed(6)}, ${Math.sin(angle).toFixed(6)}))`,
    )
    .join(" + ");

const FRAGMENT = /* glsl */ `
  precision highp float;
  precision highp sampler2D;
  uniform sampler2D photograph;
  uniform sampler2D mask;
  uniform sampler2D layer;
  uniform vec4 crop; // left, top, width, height of what is shown, over the photograph's
  uniform vec2 pixels; // of the picture on the screen
  uniform float density;
  uniform int overlay;
  uniform float opacity;
  uniform bool drawTarget;
  uniform bool drawMesh;
  uniform vec3 matching;
  uniform vec3 missing;
  uniform vec3 excess;
  in vec2 at;
  out vec4 colour;

  float inMask(vec2 place) {
    vec2 p = crop.xy + place * crop.zw;
    return all(greaterThanEqual(p, vec2(0.0))) && all(lessThan(p, vec2(1.0))) ? step(0.5, textureLod(mask, p, 0.0).r) : 0.0;
  }

  float inMesh(vec2 place) {
    return textureLod(layer, vec2(place.x, 1.0 - place.y), 0.0).a;
  }

  /* The level of a texture at which one sample sees everything within reach. */
  float levelOf(vec2 reach, ivec2 size) {
    vec2 texels = 2.0 * reach * vec2(size);
    return ceil(log2(max(max(texels.x, texels.y), 2.0))); // at least 1: level 0 is not smoothed
  }

  /* How much of a ring around is inside, seen from outside: 0 far from an edge, which one look tells, up to 1. */
  float aroundMask(vec2 place) {
    vec2 reach = ${TARGET.ring.toFixed(1)} * density / pixels;
    float level = levelOf(reach * crop.zw, textureSize(mask, 0));
    if (inMask(place) >= 0.5 || textureLod(mask, crop.xy + place * crop.zw, level).r < 0.002) return 0.0;
    return (${taps("inMask")}) / ${TAPS}.0;
  }

  float aroundMesh(vec2 place) {
    vec2 reach = ${MESH.ring.toFixed(1)} * density / pixels;
    float level = levelOf(reach, textureSize(layer, 0));
    if (inMesh(place) >= 0.5 || textureLod(layer, vec2(place.x, 1.0 - place.y), level).a < 0.002) return 0.0;
    return (${taps("inMesh")}) / ${TAPS}.0;
  }

  /* A line in this colour on a dark seam. */
  vec3 lined(vec3 seen, float share, vec3 seam, float dark, vec3 line, float near) {
    seen = mix(seen, seam, dark * smoothstep(0.0, 0.12, share));
    return mix(seen, line, smoothstep(near - 0.06, near + 0.06, share));
  }

  vec3 toScreen(vec3 linear) {
    return mix(1.055 * pow(linear, vec3(1.0 / 2.4)) - 0.055, 12.92 * linear, step(linear, vec3(0.0031308)));
  }

  void main() {
    vec3 seen = texture(photograph, crop.xy + at * crop.zw).rgb;
    vec4 surface = textureLod(layer, vec2(at.x, 1.0 - at.y), 0.0);
    vec2 screen = at * pixels / density;
    if (drawMesh && overlay == 0) {
      float mesh = step(0.5, surface.a);
      float target = inMask(at);
      float stripe = step(0.5, fract((screen.x + screen.y) / 8.0));
      float check = mod(floor(screen.x / 4.0) + floor(screen.y / 4.0), 2.0);
      vec3 shaded = matching * (0.55 + 0.45 * dot(surface.rgb, vec3(0.4)));
      if (mesh * target > 0.5) seen = mix(seen, shaded, 0.55 * opacity);
      else if (target > 0.5) seen = mix(seen, missing, opacity * mix(0.4, 0.85, stripe));
      else if (mesh > 0.5) seen = mix(seen, excess, opacity * mix(0.45, 0.85, check));
    }
    if (drawMesh && overlay == 1) seen = mix(seen, toScreen(surface.rgb), opacity * surface.a);
    if (drawTarget) seen = lined(seen, aroundMask(at), vec3(0.0), 0.7, vec3(1.0, 0.83, 0.23), ${TARGET.line});
    if (drawMesh) seen = lined(seen, aroundMesh(at), vec3(0.02, 0.05, 0.08), 0.8, vec3(0.45, 0.95, 1.0), ${MESH.line});
    colour = vec4(seen, 1.0);
  }
`;

/** The photograph from the input camera with the mesh over it. Two draws: the mesh into a layer, both onto the screen. */
export class PhotographView {
  readonly #scene = new Scene();
  readonly #camera = freeCamera();
  readonly #shape = new PosedShape(0xd8dee6);
  readonly #layer = new WebGLRenderTarget(1, 1, {
    samples: drawsInSoftware() ? 0 : 4,
    magFilter: LinearFilter,
    minFilter: LinearMipmapNearestFilter,
    generateMipmaps: true, // one look at a coarse level tells whether an edge is near
  });
  readonly #screen = new Scene();
  readonly #flat = new OrthographicCamera(-1, 1, 1, -1, 0, 1);
  readonly #quad: Mesh<PlaneGeometry, RawShaderMaterial>;
  readonly #uniforms = {
    photograph: { value: null as Texture | null },
    mask: { value: null as Texture | null },
    layer: { value: this.#layer.texture },
    crop: { value: new Vector4(0, 0, 1, 1) },
    pixels: { value: new Vector2(1, 1) },
    density: { value: 1 },
    overlay: { value: 0 },
    opacity: { value: 0.5 },
    drawTarget: { value: true },
    drawMesh: { value: true },
    matching: { value: rgb(FIT_COLOURS.match) },
    missing: { value: rgb(FIT_COLOURS.missing) },
    excess: { value: rgb(FIT_COLOURS.excess) },
  };

  constructor() {
    const root = new Group();
    root.matrixAutoUpdate = false;
    root.matrix.copy(WORLD_FROM_CAMERA);
    root.add(this.#shape.mesh);
    this.#scene.add(root, ...lights(this.#camera));
    this.#quad = new Mesh(
      new PlaneGeometry(2, 2),
      new RawShaderMaterial({
        glslVersion: GLSL3,
        vertexShader: VERTEX,
        fragmentShader: FRAGMENT,
        uniforms: this.#uniforms,
        depthTest: false,
        depthWrite: false,
      }),
    );
    this.#quad.frustumCulled = false;
    this.#screen.add(this.#quad);
  }

  hold(photograph: Texture | null, mask: Texture | null, shape: BufferGeometry | null): void {
    this.#uniforms.photograph.value = photograph;
    this.#uniforms.mask.value = mask;
    this.#shape.hold(shape);
  }

  pose(pose: Pose): void {
    this.#shape.pose(pose);
  }

  /**
   * Draw `window` of the photograph into the current viewport, which is `width` × `height` CSS pixels large, or into
   * `target`.
   */
  draw(
    renderer: WebGLRenderer,
    {
      intrinsics,
      window,
      width,
      height,
      density,
      look,
      depths,
      target = null,
    }: {
      intrinsics: Intrinsics;
      window: Box;
      width: number;
      height: number;
      density: number;
      look: Look;
      depths: Depths;
      target?: WebGLRenderTarget | null;
    },
  ): void {
    const [columns, rows] = [
      Math.max(1, Math.round(width * density)),
      Math.max(1, Math.round(height * density)),
    ];
    if (this.#layer.width !== columns || this.#layer.height !== rows) this.#layer.setSize(columns, rows);
    aim(this.#camera, windowView(intrinsics, window, { width, height }), { width, height }, depths);
    renderer.setRenderTarget(this.#layer);
    renderer.setClearColor(0, 0);
    renderer.clear();
    if (look.mesh) renderer.render(this.#scene, this.#camera);
    renderer.setRenderTarget(target);
    const uniforms = this.#uniforms;
    uniforms.crop.value.set(
      window.left / intrinsics.width,
      window.top / intrinsics.height,
      window.width / intrinsics.width,
      window.height / intrinsics.height,
    );
    uniforms.pixels.value.set(columns, rows);
    uniforms.density.value = density;
    uniforms.overlay.value = OVERLAYS.indexOf(look.overlay);
    uniforms.opacity.value = look.opacity;
    uniforms.drawTarget.value = look.target;
    uniforms.drawMesh.value = look.mesh;
    renderer.render(this.#screen, this.#flat);
  }

  dispose(): void {
    this.#shape.dispose();
    this.#layer.dispose();
    this.#quad.geometry.dispose();
    this.#quad.material.dispose();
  }
}

/** M for shaders: red is 1 inside. The first row is the top one. */
export function maskTexture({ alpha, width, height }: MaskPicture): DataTexture {
  const texture = new DataTexture(new Uint8Array(alpha.buffer), width, height, RedFormat);
  texture.magFilter = NearestFilter;
  texture.minFilter = LinearMipmapNearestFilter;
  texture.generateMipmaps = true;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

function rgb(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}
