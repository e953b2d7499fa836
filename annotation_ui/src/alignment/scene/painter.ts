import { WebGLRenderer } from "three";
import { type Box, cropAround } from "../../photograph/mask";
import { drawsInSoftware } from "../../shell/graphics";
import type { Axes } from "../pose/axes";
import { type Pose, sizeOf } from "../pose/pose";
import type { Handle } from "../tools/gesture";
import type { Assets } from "./assets";
import type { Ball } from "./balls";
import { depthsAround } from "./cameras";
import type { Display } from "./display";
import type { Eyes, Place } from "./eyes";
import type { Layout } from "./layout";
import { PhotographView } from "./photographView";
import { pictureOfPose } from "./thumbnail";
import { World } from "./world";

/** One frame. */
export interface Picture {
  readonly assets: Assets;
  readonly pose: Pose;
  readonly display: Display;
  readonly axes: Axes;
  readonly handle: Handle | null;
  /** Around what is looked at. */
  readonly ball: Ball;
}

const SHARPEST = 2;
const LARGEST_POSITION = 65_535;
const THUMBNAIL_OPACITY = 0.9;
const EYE_OF_INPUT = [0, 0, 0] as const;

/** Draws both views onto one canvas, each into its place. */
export class Painter {
  readonly renderer: WebGLRenderer;
  readonly #world = new World();
  readonly #photograph = new PhotographView();

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly layout: Layout,
    private readonly eyes: Eyes,
  ) {
    this.renderer = new WebGLRenderer({ canvas, antialias: !drawsInSoftware(), alpha: true });
    this.renderer.autoClear = false;
    this.renderer.info.autoReset = false;
  }

  hold(assets: Assets | null, pose: Pose | null): void {
    this.#world.hold(assets, pose);
    this.#photograph.hold(assets?.photograph ?? null, assets?.mask ?? null, assets?.shape ?? null);
  }

  resize(): void {
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, SHARPEST));
    this.renderer.setSize(this.layout.width, this.layout.height, false);
  }

  /** Draw a frame, or clear the canvas; says on the canvas what it cost, for tests and benchmarks. */
  paint(picture: Picture | null): void {
    const { renderer } = this;
    renderer.info.reset();
    renderer.setRenderTarget(null);
    renderer.setScissorTest(false);
    renderer.setClearColor(0, 0); // a new context starts opaque
    renderer.clear();
    if (picture) {
      this.#paintPhotograph(picture);
      this.#paintScene(picture);
    }
    this.#tell(picture?.assets.task.work_item ?? "");
  }

  /** What the photograph looks like with the mesh at a pose, by itself. */
  thumbnail(
    { targetBox, task }: Assets,
    pose: Pose,
    display: Display,
    size: { width: number; height: number },
  ): Promise<ImageData | null> {
    const { intrinsics } = task.point_map;
    this.#photograph.pose(pose);
    return pictureOfPose(this.renderer, this.#photograph, {
      intrinsics,
      window: cropAround(targetBox, intrinsics, size.width / size.height),
      look: { ...display, overlay: "surface", opacity: THUMBNAIL_OPACITY, mesh: true },
      depths: depthsAround(EYE_OF_INPUT, pose.translation, sizeOf(pose)),
      ...size,
    });
  }

  dispose(): void {
    this.#world.dispose();
    this.#photograph.dispose();
    this.renderer.dispose();
  }

  #paintPhotograph({ assets, pose, display }: Picture): void {
    const { targetBox, task } = assets;
    const { intrinsics } = task.point_map;
    const { window, left, top, zoom } = this.eyes.frame({ intrinsics, targetBox }, "photograph");
    const [width, height] = [window.width * zoom, window.height * zoom];
    if (!(width >= 1 && height >= 1)) return;
    this.#fill("photograph", { left, top, width, height });
    this.#photograph.pose(pose);
    this.#photograph.draw(this.renderer, {
      intrinsics,
      window,
      width,
      height,
      density: this.renderer.getPixelRatio(),
      look: display,
      depths: depthsAround(EYE_OF_INPUT, pose.translation, sizeOf(pose)),
    });
  }

  #paintScene({ assets, pose, display, axes, handle, ball }: Picture): void {
    const { width, height } = this.layout.boxOf("scene");
    if (width === 0 || height === 0) return;
    const { mesh, target, controls, placed, pointSize, tool, axis } = display;
    const view = this.eyes.viewOf("scene");
    const world = this.#world;
    world.shape.pose(pose);
    world.shape.mesh.visible = mesh;
    world.placed.visible = placed;
    world.frustum.group.visible = controls && !this.eyes.orbit.throughInput;
    world.gizmo.group.visible = controls;
    world.gizmo.place(tool, view, axes, pose.translation, handle, axis);
    const density = this.renderer.getPixelRatio();
    world.cloud.show({ size: pointSize, highlight: target, focalPx: view.lens.fx, density });
    this.#fill("scene", { left: 0, top: 0, width, height });
    const reach = Math.max(4 * ball.radius, 1.2 * Math.hypot(...assets.points.step) * LARGEST_POSITION);
    world.draw(this.renderer, view, { width, height }, depthsAround(view.eye, ball.centre, reach));
  }

  /** Draw into a part of a place alone. */
  #fill(place: Place, { left, top, width, height }: Box): void {
    const box = this.layout.boxOf(place);
    const x = box.left + left;
    const y = this.layout.height - (box.top + top + height);
    this.renderer.setViewport(x, y, width, height);
    this.renderer.setScissor(x, y, width, height);
    this.renderer.setScissorTest(true);
  }

  #tell(shown: string): void {
    const { render, memory } = this.renderer.info;
    const told = {
      shown,
      calls: String(render.calls),
      triangles: String(render.triangles),
      points: String(render.points),
      geometries: String(memory.geometries),
      textures: String(memory.textures),
      frames: String(Number(this.canvas.dataset.frames ?? 0) + 1),
    };
    for (const [name, value] of Object.entries(told))
      if (this.canvas.dataset[name] !== value) this.canvas.dataset[name] = value;
  }
}
