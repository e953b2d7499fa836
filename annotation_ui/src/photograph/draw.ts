import { type Box, cropAround, type MaskPicture } from "./mask";

/** The whole photograph; the target large; the target alone. */
export const PHOTO_MODES = ["full", "zoom", "cut-out"] as const;
export type PhotoMode = (typeof PHOTO_MODES)[number];

const OUTLINE = [
  { radius: 3.5, colour: "rgb(0 0 0 / 75%)" },
  { radius: 2, colour: "#ffd43b" }, // with its dark rim it stands out on any photograph
] as const;
const DIRECTIONS = 16;

/** What of a photograph is shown, and on how much screen. */
export interface Showing {
  mode: PhotoMode;
  /** Of the photograph, in its own pixels, whatever a picture of it has. */
  size: { width: number; height: number };
  /** Of the panel, in CSS pixels. */
  width: number;
  height: number;
  /** Pixels of the screen in one of CSS. */
  density: number;
}

/** The part of the photograph that is shown, in its own pixels. */
export function cropOf(box: Box, { mode, size, width, height }: Showing): Box {
  return mode === "full" ? { left: 0, top: 0, ...size } : cropAround(box, size, width / height);
}

/** Whether a picture of the photograph that is `pictureWidth` wide has fewer pixels of this part than the screen. */
export function isTooCoarse(pictureWidth: number, box: Box, showing: Showing): boolean {
  const crop = cropOf(box, showing);
  const shown = Math.min(showing.width / crop.width, showing.height / crop.height) * showing.density;
  return shown > pictureWidth / showing.size.width;
}

/** Draw the photograph, or a smaller picture of it, with its target outlined into a canvas. */
export function drawPhotograph(
  canvas: HTMLCanvasElement,
  picture: HTMLImageElement,
  mask: MaskPicture,
  showing: Showing,
): void {
  const { mode, size, width, height, density } = showing;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  const scale = picture.naturalWidth / size.width;
  const crop = cropOf(mask.box, showing);
  const place = placeOf(crop, canvas);
  const context = contextOf(canvas);
  const inside = layer(canvas, (on) => drawCrop(on, pictureOf(mask), mask.width / size.width, crop, place));
  if (mode === "cut-out") {
    const cut = layer(canvas, (on) => {
      drawCrop(on, picture, scale, crop, place);
      on.globalCompositeOperation = "destination-in";
      on.drawImage(inside, 0, 0);
    });
    context.drawImage(cut, 0, 0);
    return;
  }
  drawCrop(context, picture, scale, crop, place);
  context.beginPath();
  context.rect(place.left, place.top, place.width, place.height);
  context.clip();
  drawOutline(context, inside, density);
}

/** Draw the outline of a mask that fills the canvas: `inside` is opaque where it is. */
export function drawOutline(on: CanvasRenderingContext2D, inside: HTMLCanvasElement, density: number): void {
  for (const { radius, colour } of OUTLINE) {
    on.drawImage(ring(inside, on.canvas, radius * density, colour), 0, 0);
  }
}

/** Where a crop lies in the canvas: as large as it can be, in the middle. */
function placeOf(crop: Box, canvas: { width: number; height: number }): Box {
  const scale = Math.min(canvas.width / crop.width, canvas.height / crop.height);
  const [width, height] = [crop.width * scale, crop.height * scale];
  return { left: (canvas.width - width) / 2, top: (canvas.height - height) / 2, width, height };
}

function drawCrop(
  on: CanvasRenderingContext2D,
  picture: CanvasImageSource,
  scale: number,
  crop: Box,
  place: Box,
): void {
  on.drawImage(
    picture,
    crop.left * scale,
    crop.top * scale,
    crop.width * scale,
    crop.height * scale,
    place.left,
    place.top,
    place.width,
    place.height,
  );
}

/** What lies within `radius` of the mask and not in it. */
function ring(
  inside: HTMLCanvasElement,
  size: HTMLCanvasElement,
  radius: number,
  colour: string,
): HTMLCanvasElement {
  return layer(size, (on) => {
    for (let n = 0; n < DIRECTIONS; n += 1) {
      const angle = (2 * Math.PI * n) / DIRECTIONS;
      on.drawImage(inside, radius * Math.cos(angle), radius * Math.sin(angle));
    }
    on.globalCompositeOperation = "destination-out";
    on.drawImage(inside, 0, 0);
    on.globalCompositeOperation = "source-in";
    on.fillStyle = colour;
    on.fillRect(0, 0, size.width, size.height);
  });
}

/** The mask as a picture: black where it is, clear elsewhere. */
export function pictureOf(mask: MaskPicture): HTMLCanvasElement {
  return layer(mask, (on) => {
    const pixels = on.createImageData(mask.width, mask.height);
    mask.alpha.forEach((alpha, index) => {
      pixels.data[index * 4 + 3] = alpha;
    });
    on.putImageData(pixels, 0, 0);
  });
}

/** A canvas of its own, drawn at once. */
export function layer(
  { width, height }: { width: number; height: number },
  draw: (on: CanvasRenderingContext2D) => void,
): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  draw(contextOf(canvas));
  return canvas;
}

export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("This browser cannot draw on a canvas.");
  return context;
}
