import { contextOf, drawOutline, layer, pictureOf } from "../photograph/draw";
import { type Box, cropAround, maskPicture, runsOf } from "../photograph/mask";

export type Tool = "brush" | "eraser";

const TINT = "rgb(255 212 59 / 18%)";

/** A photograph with a mask that is drawn on, in one canvas. Positions are in pixels of the photograph. */
export class Drawing {
  readonly #canvas: HTMLCanvasElement;
  readonly #photograph: HTMLImageElement;
  readonly #mask: HTMLCanvasElement;
  #view: Box;
  #last: { x: number; y: number } | null = null;
  #frame = 0;
  maskShown = true;

  constructor(canvas: HTMLCanvasElement, photograph: HTMLImageElement) {
    this.#canvas = canvas;
    this.#photograph = photograph;
    const { naturalWidth: width, naturalHeight: height } = photograph;
    this.#mask = layer({ width, height }, () => undefined);
    this.#view = { left: 0, top: 0, width, height };
  }

  /** Show this mask. */
  setRuns(runs: readonly number[]): void {
    const { width, height } = this.#mask;
    const on = contextOf(this.#mask);
    on.clearRect(0, 0, width, height);
    on.drawImage(pictureOf(maskPicture({ width, height, counts: runs }, Math.max(width, height))), 0, 0);
    this.draw();
  }

  get runs(): number[] {
    const { width, height } = this.#mask;
    const { data } = contextOf(this.#mask).getImageData(0, 0, width, height);
    return runsOf(
      Uint8Array.from({ length: width * height }, (_, pixel) => data[pixel * 4 + 3] ?? 0),
      width,
      height,
    );
  }

  /** Show the whole photograph. */
  showAll(): void {
    this.#view = { left: 0, top: 0, width: this.#mask.width, height: this.#mask.height };
    this.draw();
  }

  /** Show the mask large. */
  showMask(runs: readonly number[]): void {
    const { width, height } = this.#mask;
    const { box } = maskPicture({ width, height, counts: runs }, 512);
    this.#view = cropAround(box, { width, height }, this.#canvas.clientWidth / this.#canvas.clientHeight);
    this.draw();
  }

  /** Come `factor` times closer to a point of the canvas, in CSS pixels. */
  zoom(factor: number, x: number, y: number): void {
    const point = this.at(x, y);
    const least = Math.min(32, this.#mask.width) / this.#view.width;
    const most = (2 * this.#mask.width) / this.#view.width;
    const size = Math.min(most, Math.max(least, 1 / factor));
    this.#view = {
      left: point.x - (point.x - this.#view.left) * size,
      top: point.y - (point.y - this.#view.top) * size,
      width: this.#view.width * size,
      height: this.#view.height * size,
    };
    this.draw();
  }

  /** Move the photograph under the pointer, by CSS pixels. */
  pan(dx: number, dy: number): void {
    const { scale } = this.#place();
    this.#view = { ...this.#view, left: this.#view.left - dx / scale, top: this.#view.top - dy / scale };
    this.draw();
  }

  /** Begin or go on with a stroke, `radius` in pixels of the photograph. */
  stroke(tool: Tool, radius: number, point: { x: number; y: number }): void {
    const on = contextOf(this.#mask);
    on.globalCompositeOperation = tool === "brush" ? "source-over" : "destination-out";
    on.lineCap = "round";
    on.lineWidth = 2 * radius;
    on.beginPath();
    on.moveTo(this.#last?.x ?? point.x, this.#last?.y ?? point.y);
    on.lineTo(point.x, point.y);
    on.stroke();
    on.globalCompositeOperation = "source-over";
    this.#last = point;
    this.draw();
  }

  endStroke(): void {
    this.#last = null;
    this.draw();
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
  }

  /** The pixel of the photograph under a point of the canvas, given in CSS pixels. */
  at(x: number, y: number): { x: number; y: number } {
    const { left, top, scale } = this.#place();
    return { x: this.#view.left + (x - left) / scale, y: this.#view.top + (y - top) / scale };
  }

  /** Draw with the next frame, however often it is asked for before. */
  draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    this.#frame = 0;
    const density = window.devicePixelRatio;
    const { clientWidth, clientHeight } = this.#canvas;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.#canvas.width = Math.round(clientWidth * density);
    this.#canvas.height = Math.round(clientHeight * density);
    const { left, top, scale } = this.#place();
    const through = (picture: CanvasImageSource) => (on: CanvasRenderingContext2D) => {
      on.setTransform(
        density * scale,
        0,
        0,
        density * scale,
        density * (left - this.#view.left * scale),
        density * (top - this.#view.top * scale),
      );
      on.imageSmoothingEnabled = scale < 2; // pixels stay pixels when looked at closely
      on.drawImage(picture, 0, 0);
      on.resetTransform();
    };
    const on = contextOf(this.#canvas);
    through(this.#photograph)(on);
    if (!this.maskShown) return;
    const inside = layer(this.#canvas, through(this.#mask));
    if (this.#last === null) drawOutline(on, inside, density); // it takes too long to follow the pointer
    const tint = contextOf(inside);
    tint.globalCompositeOperation = "source-in";
    tint.fillStyle = TINT;
    tint.fillRect(0, 0, inside.width, inside.height);
    on.drawImage(inside, 0, 0);
  }

  /** Where the view lies in the canvas: as large as it can be, in the middle. CSS pixels. */
  #place(): { left: number; top: number; scale: number } {
    const { clientWidth, clientHeight } = this.#canvas;
    const scale = Math.min(clientWidth / this.#view.width, clientHeight / this.#view.height);
    return {
      left: (clientWidth - this.#view.width * scale) / 2,
      top: (clientHeight - this.#view.height * scale) / 2,
      scale,
    };
  }
}
