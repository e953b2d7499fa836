import type { Box } from "../../photograph/mask";
import { cropAround } from "../../photograph/mask";
import type { Point } from "../../photograph/shapes";

const CLOSEST = 40; // CSS pixels for one of the photograph
const FARTHEST = 0.5; // of the size at which the whole photograph is shown

/** Which part of the photograph is shown, and how large. `scale`: CSS pixels for a pixel of the photograph. */
export class View {
  #left = 0; // of the canvas, in pixels of the photograph
  #top = 0;
  #scale = 1;
  #width = 1;
  #height = 1;

  constructor(private readonly photograph: { readonly width: number; readonly height: number }) {}

  get scale(): number {
    return this.#scale;
  }

  get left(): number {
    return this.#left;
  }

  get top(): number {
    return this.#top;
  }

  /** The canvas has this size, in CSS pixels. What was in its middle stays there. */
  resize(width: number, height: number): void {
    const middle = this.at(this.#width / 2, this.#height / 2);
    [this.#width, this.#height] = [width, height];
    this.#left = middle.x - width / 2 / this.#scale;
    this.#top = middle.y - height / 2 / this.#scale;
  }

  /** Show the whole photograph. */
  showAll(): void {
    this.#show({ left: 0, top: 0, ...this.photograph });
  }

  /** Show a part large, with something around it. */
  showBox(box: Box): void {
    this.#show(cropAround(box, this.photograph, this.#width / this.#height));
  }

  /** Come `factor` times closer to a point of the canvas. */
  zoom(factor: number, x = this.#width / 2, y = this.#height / 2): void {
    const point = this.at(x, y);
    const scale = Math.min(CLOSEST, Math.max(FARTHEST * this.#fit(this.photograph), this.#scale * factor));
    this.#scale = scale;
    this.#left = point.x - x / scale;
    this.#top = point.y - y / scale;
    this.#keepInSight();
  }

  /** Move the photograph under the pointer, by CSS pixels. */
  pan(dx: number, dy: number): void {
    this.#left -= dx / this.#scale;
    this.#top -= dy / this.#scale;
    this.#keepInSight();
  }

  /** Move as far as is needed for a point of the photograph to be well in sight. */
  follow(point: Point): void {
    const { x, y } = this.on(point);
    const margin = 32;
    const over = (place: number, size: number) =>
      Math.min(0, place - margin) + Math.max(0, place - size + margin);
    this.pan(-over(x, this.#width), -over(y, this.#height));
  }

  /** The point of the photograph at a point of the canvas. */
  at(x: number, y: number): Point {
    return { x: this.#left + x / this.#scale, y: this.#top + y / this.#scale };
  }

  /** The point of the canvas at a point of the photograph. */
  on({ x, y }: Point): Point {
    return { x: (x - this.#left) * this.#scale, y: (y - this.#top) * this.#scale };
  }

  #show(box: Box): void {
    this.#scale = Math.min(CLOSEST, this.#fit(box));
    this.#left = box.left + box.width / 2 - this.#width / 2 / this.#scale;
    this.#top = box.top + box.height / 2 - this.#height / 2 / this.#scale;
  }

  #fit({ width, height }: { width: number; height: number }): number {
    return Math.min(this.#width / width, this.#height / height);
  }

  /** The middle of the canvas stays on the photograph: nobody gets lost. */
  #keepInSight(): void {
    const { x, y } = this.at(this.#width / 2, this.#height / 2);
    this.#left += Math.min(Math.max(x, 0), this.photograph.width) - x;
    this.#top += Math.min(Math.max(y, 0), this.photograph.height) - y;
  }
}
