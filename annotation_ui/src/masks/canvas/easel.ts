import type { AssistBox } from "../../api/masks";
import { boxOf, type Mask } from "../../photograph/columns";
import { contextOf } from "../../photograph/draw";
import type { Point } from "../../photograph/shapes";
import type { Click, Prompts, Stroke } from "../task/maskState";
import { makeTool } from "../tools";
import type { Bench, Tool, ToolName, Touch } from "../tools/tool";
import { drawCrosshair, drawPrompts, drawSketch } from "./overlay";
import { type Frame, paintMask, paintOther } from "./paint";
import type { LoadedPhotograph } from "./photographs";
import { View } from "./view";

export interface Canvases {
  readonly photograph: HTMLCanvasElement;
  readonly mask: HTMLCanvasElement;
  readonly overlay: HTMLCanvasElement;
}

/** What the page is told. */
export interface Listener {
  onDraw(mask: Mask): void;
  onClick(click: Click): void;
  onStroke(stroke: Stroke): void;
  onBox(box: AssistBox): void;
}

type Layer = "photograph" | "mask" | "overlay";

/** Photograph, mask and tools in three canvases, each drawn again only when something in it has changed. */
export class Easel implements Bench {
  readonly view: View;
  mask: Mask;
  radius = 8;
  maskShown = true;
  others: readonly Mask[] = [];
  prompts: Prompts | null = null;
  waiting = false;
  #preview: Mask | null = null;
  #tool: Tool = makeTool("point");
  #toolName: ToolName = "point";
  #pointer: Point | null = null;
  #crosshair: Point | null = null; // the keyboard's place
  #dirty = new Set<Layer>();
  #frame = 0;
  #whole = true; // all of the photograph is shown, as large as it can be
  #size = { width: 0, height: 0 };

  constructor(
    private readonly canvases: Canvases,
    private readonly photograph: LoadedPhotograph,
    mask: Mask,
    private readonly listener: Listener,
  ) {
    this.mask = mask;
    this.view = new View(photograph);
  }

  get scale(): number {
    return this.view.scale;
  }

  resize(width: number, height: number): void {
    this.#size = { width, height };
    const density = window.devicePixelRatio;
    for (const canvas of Object.values(this.canvases)) {
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(height * density);
    }
    this.view.resize(width, height);
    if (this.#whole) this.view.showAll();
    this.redraw();
  }

  setMask(mask: Mask): void {
    if (mask === this.mask && this.#preview === null) return;
    this.mask = mask;
    this.#preview = null;
    this.redraw("mask", "overlay");
  }

  setTool(name: ToolName): void {
    if (name === this.#toolName) return;
    this.#tool.cancel();
    this.#tool = makeTool(name);
    this.#toolName = name;
    this.#preview = null;
    this.redraw("mask", "overlay");
  }

  showAll(): void {
    this.#whole = true;
    this.view.showAll();
    this.redraw();
  }

  /** Show the mask large; all of the photograph where nothing is marked. */
  showMask(): void {
    const box = boxOf(this.mask);
    this.#whole = box === null;
    if (box) this.view.showBox(box);
    else this.view.showAll();
    this.redraw();
  }

  zoom(factor: number, x?: number, y?: number): void {
    const at = this.#crosshair ? this.view.on(this.#crosshair) : null;
    this.#whole = false;
    this.view.zoom(factor, x ?? at?.x, y ?? at?.y);
    this.redraw();
  }

  pan(dx: number, dy: number): void {
    this.#whole = false;
    this.view.pan(dx, dy);
    this.redraw();
  }

  /** Move the keyboard's place, by CSS pixels; it begins in the middle of what is shown. */
  step(dx: number, dy: number): void {
    const now = this.#crosshair ?? this.view.at(this.#size.width / 2, this.#size.height / 2);
    this.#crosshair = {
      x: Math.min(Math.max(now.x + dx / this.scale, 0), this.photograph.width - 0.01),
      y: Math.min(Math.max(now.y + dy / this.scale, 0), this.photograph.height - 0.01),
    };
    this.view.follow(this.#crosshair);
    this.#tool.move({ ...this.#crosshair, negative: false }, this, false);
    this.redraw();
  }

  /** Use the tool at the keyboard's place. */
  touch(negative: boolean): void {
    if (this.#crosshair === null) {
      this.step(0, 0); // shows where it would be used
      return;
    }
    const touch = { ...this.#crosshair, negative };
    this.#tool.down(touch, this);
    this.#tool.up(touch, this);
    this.redraw("mask", "overlay");
  }

  /** End a polygon; false where none was begun. */
  finish(): boolean {
    const done = this.#tool.finish?.(this) ?? false;
    if (done) this.redraw("mask", "overlay");
    return done;
  }

  /** Leave what was begun with the tool; false where nothing was. */
  cancel(): boolean {
    const begun = this.#tool.sketch !== null || this.#preview !== null;
    this.#tool.cancel();
    this.#preview = null;
    this.redraw("mask", "overlay");
    return begun;
  }

  pointerDown(touch: Touch): void {
    this.#crosshair = null;
    this.#tool.down(touch, this);
    this.redraw("overlay");
  }

  pointerMove(touch: Touch, held: boolean): void {
    this.#pointer = touch;
    this.#tool.move(touch, this, held);
    this.redraw("overlay");
  }

  pointerUp(touch: Touch): void {
    this.#tool.up(touch, this);
    this.redraw("mask", "overlay");
  }

  pointerLeave(): void {
    this.#pointer = null;
    this.redraw("overlay");
  }

  preview(mask: Mask): void {
    this.#preview = mask;
    this.redraw("mask");
  }

  draw(mask: Mask): void {
    this.mask = mask;
    this.#preview = null;
    this.listener.onDraw(mask);
  }

  click(click: Click): void {
    this.listener.onClick(click);
  }

  stroke(stroke: Stroke): void {
    this.listener.onStroke(stroke);
  }

  box(box: AssistBox): void {
    this.listener.onBox(box);
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** Draw these layers, all where none is named, with the next frame, however often it is asked for before. */
  redraw(...layers: Layer[]): void {
    for (const layer of layers.length > 0 ? layers : (["photograph", "mask", "overlay"] as const))
      this.#dirty.add(layer);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    this.#frame = 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    if (this.#size.width === 0 || this.#size.height === 0) return;
    const density = window.devicePixelRatio;
    if (dirty.has("photograph")) this.#drawPhotograph(density);
    if (dirty.has("mask")) this.#drawMask(density);
    if (dirty.has("overlay")) this.#drawOverlay(density);
  }

  #drawPhotograph(density: number): void {
    const on = contextOf(this.canvases.photograph);
    const { left, top, scale } = this.view;
    on.clearRect(0, 0, on.canvas.width, on.canvas.height);
    const picture = this.photograph.picture(scale * density, () => this.redraw("photograph"));
    on.imageSmoothingEnabled = scale * density < 3; // pixels stay pixels when looked at closely
    on.imageSmoothingQuality = "medium";
    on.drawImage(
      picture,
      -left * scale * density,
      -top * scale * density,
      this.photograph.width * scale * density,
      this.photograph.height * scale * density,
    );
  }

  #drawMask(density: number): void {
    const on = contextOf(this.canvases.mask);
    const { width, height } = on.canvas;
    const { left, top, scale } = this.view;
    const frame: Frame = { width, height, left, top, scale: scale * density };
    const picture = on.createImageData(width, height);
    const pixels = new Uint32Array(picture.data.buffer);
    if (this.maskShown) {
      for (const other of this.others) paintOther(pixels, other, frame, density);
      paintMask(pixels, this.#preview ?? this.mask, frame, density);
    }
    on.putImageData(picture, 0, 0);
  }

  #drawOverlay(density: number): void {
    const on = contextOf(this.canvases.overlay);
    on.setTransform(1, 0, 0, 1, 0, 0);
    on.clearRect(0, 0, on.canvas.width, on.canvas.height);
    on.scale(density, density);
    const place = (point: Point) => this.view.on(point);
    if (this.prompts && this.maskShown) drawPrompts(on, this.prompts, place, this.waiting);
    if (this.#tool.sketch) drawSketch(on, this.#tool.sketch, place);
    const brush = this.#toolName === "brush" || this.#toolName === "eraser";
    const at = this.#crosshair ?? (brush ? this.#pointer : null);
    if (at) drawCrosshair(on, place(at), brush ? this.radius * this.scale : null, this.#crosshair !== null);
  }
}
