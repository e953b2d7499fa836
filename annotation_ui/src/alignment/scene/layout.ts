import type { Box } from "../../photograph/mask";
import type { Place } from "./eyes";

/**
 * Where the views lie on the canvas, in CSS pixels. Measured when something changes its size, not with every frame: asking
 * the browser makes it lay out the page at once, numbers that have just changed included.
 */
export class Layout {
  width = 0;
  height = 0;
  #boxes: Readonly<Record<Place, Box>> = { scene: NOWHERE, photograph: NOWHERE };

  constructor(
    private readonly canvas: HTMLElement,
    private readonly places: Readonly<Record<Place, HTMLElement>>,
  ) {}

  measure(): void {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    [this.width, this.height] = [width, height];
    const boxOf = (element: HTMLElement): Box => {
      const box = element.getBoundingClientRect();
      return { left: box.left - left, top: box.top - top, width: box.width, height: box.height };
    };
    this.#boxes = { scene: boxOf(this.places.scene), photograph: boxOf(this.places.photograph) };
  }

  /** A view, from the upper left corner of the canvas. */
  boxOf(place: Place): Box {
    return this.#boxes[place];
  }
}

const NOWHERE: Box = { left: 0, top: 0, width: 0, height: 0 };
