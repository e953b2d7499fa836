import {
  AddEquation,
  BufferGeometry,
  CustomBlending,
  DoubleSide,
  GLSL3,
  Group,
  Mesh,
  NearestFilter,
  OneFactor,
  OrthographicCamera,
  PlaneGeometry,
  RawShaderMaterial,
  Scene,
  type Texture,
  Vector2,
  Vector4,
  type WebGLRenderer,
  WebGLRenderTarget,
} from "three";
import type { Box } from "../../photograph/mask";
import type { Intrinsics } from "../pose/pinhole";
import { cameraFromObject, type Pose } from "../pose/pose";
import {
  type Box3,
  countOverlap,
  intersectionOverUnion,
  samplesOf,
  scoredWindow,
} from "../scores/silhouette";
import { aim, type Depths, freeCamera, WORLD_FROM_CAMERA, windowView } from "./cameras";
import { matrixOf } from "./gizmo";

/** Along the long side of the window around target and shape. */
const MOST_SAMPLES = 256;

const MASK_VERTEX = /* glsl */ `
  in vec3 position;
  void main() {
    gl_Position = vec4(position.xy, 0.0, 1.0);
  }
`;
const MASK_FRAGMENT = /* glsl */ `
  precision highp float;
  uniform highp sampler2D mask;
  uniform vec4 window; // left, top, width, height in pixels of the photograph
  uniform vec2 size; // of the picture that is drawn
  uniform vec2 photograph; // in pixels
  out vec4 colour;
  void main() {
    vec2 place = vec2(gl_FragCoord.x, size.y - gl_FragCoord.y) / size;
    vec2 pixel = window.xy + place * window.zw;
    bool inside = all(greaterThan(pixel, vec2(0.0))) && all(lessThan(pixel, photograph));
    colour = vec4(0.0, texture(mask, pixel / photograph).r, inside ? 1.0 : 0.0, 0.0);
  }
`;
const SHAPE_VERTEX = /* glsl */ `
  in vec3 position;
  uniform mat4 projectionMatrix;
  uniform mat4 modelViewMatrix;
  void main() {
    gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  }
`;
const SHAPE_FRAGMENT = /* glsl */ `
  precision mediump float;
  out vec4 colour;
  void main() {
    colour = vec4(1.0, 0.0, 0.0, 0.0);
  }
`;

/** What is compared: M and the shape, under the photograph's camera. */
export interface Measured {
  readonly intrinsics: Intrinsics;
  readonly targetBox: Box;
  readonly mask: Texture;
  readonly shape: BufferGeometry;
  readonly bounds: Box3;
}

/**
 * Measures the overlap of the shape's outline with M as the server does: pixel centres of the photograph, nothing beyond
 * its edges. It draws both into one small picture, red the shape and green M, and counts. The answer comes a frame
 * later, without holding up the drawing.
 */
export class SilhouetteMeter {
  readonly #target = new WebGLRenderTarget(MOST_SAMPLES, MOST_SAMPLES, {
    depthBuffer: false,
    minFilter: NearestFilter,
    magFilter: NearestFilter,
  });
  readonly #pixels = new Uint8Array(MOST_SAMPLES * MOST_SAMPLES * 4);
  readonly #camera = freeCamera();
  readonly #scene = new Scene();
  readonly #flat = new OrthographicCamera(-1, 1, 1, -1, 0, 1);
  readonly #uniforms = {
    mask: { value: null as Texture | null },
    window: { value: new Vector4() },
    size: { value: new Vector2() },
    photograph: { value: new Vector2() },
  };
  readonly #quad = new Mesh(
    new PlaneGeometry(2, 2),
    new RawShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: MASK_VERTEX,
      fragmentShader: MASK_FRAGMENT,
      uniforms: this.#uniforms,
      depthTest: false,
    }),
  );
  readonly #shape = new Mesh(
    new BufferGeometry(),
    new RawShaderMaterial({
      glslVersion: GLSL3,
      vertexShader: SHAPE_VERTEX,
      fragmentShader: SHAPE_FRAGMENT,
      side: DoubleSide,
      depthTest: false,
      transparent: true,
      blending: CustomBlending,
      blendEquation: AddEquation,
      blendSrc: OneFactor,
      blendDst: OneFactor,
    }),
  );
  readonly #nothing = this.#shape.geometry;
  #busy: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#quad.frustumCulled = false;
    this.#quad.renderOrder = -1;
    this.#shape.frustumCulled = false;
    this.#shape.matrixAutoUpdate = false;
    const root = new Group();
    root.matrixAutoUpdate = false;
    root.matrix.copy(WORLD_FROM_CAMERA);
    root.add(this.#shape);
    this.#scene.add(root);
  }

  /** Silhouette IoU of a pose; null where the graphics card was taken away meanwhile. */
  measure(renderer: WebGLRenderer, measured: Measured, pose: Pose, depths: Depths): Promise<number | null> {
    const after = this.#busy.then(() => this.#measureNow(renderer, measured, pose, depths));
    this.#busy = after.catch(() => undefined);
    return after;
  }

  dispose(): void {
    this.#target.dispose();
    this.#nothing.dispose();
    this.#quad.geometry.dispose();
    this.#quad.material.dispose();
    this.#shape.material.dispose();
  }

  async #measureNow(
    renderer: WebGLRenderer,
    { intrinsics, targetBox, mask, shape, bounds }: Measured,
    pose: Pose,
    depths: Depths,
  ): Promise<number | null> {
    if (renderer.getContext().isContextLost()) return null;
    const scored = scoredWindow(targetBox, pose, bounds, intrinsics);
    const { window, columns: width, rows: height } = samplesOf(scored, MOST_SAMPLES);
    this.#uniforms.mask.value = mask;
    this.#uniforms.window.value.set(window.left, window.top, window.width, window.height);
    this.#uniforms.size.value.set(width, height);
    this.#uniforms.photograph.value.set(intrinsics.width, intrinsics.height);
    this.#shape.geometry = shape;
    this.#shape.matrix.copy(matrixOf(cameraFromObject(pose)));
    this.#shape.matrixWorldNeedsUpdate = true;
    aim(this.#camera, windowView(intrinsics, window, { width, height }), { width, height }, depths);
    this.#target.viewport.set(0, 0, width, height);
    this.#target.scissor.set(0, 0, width, height);
    this.#target.scissorTest = true;
    renderer.setRenderTarget(this.#target);
    renderer.setClearColor(0, 0);
    renderer.clear();
    renderer.render(this.#quad, this.#flat);
    renderer.render(this.#scene, this.#camera);
    this.#shape.geometry = this.#nothing; // hold no shape that may be disposed of
    const pixels = this.#pixels.subarray(0, width * height * 4);
    const read = renderer.readRenderTargetPixelsAsync(this.#target, 0, 0, width, height, pixels);
    renderer.setRenderTarget(null);
    try {
      await read;
    } catch {
      return null; // the context was lost while the picture was on its way
    }
    return renderer.getContext().isContextLost() ? null : intersectionOverUnion(countOverlap(pixels));
  }
}
