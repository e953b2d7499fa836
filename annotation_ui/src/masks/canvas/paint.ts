import type { Intervals, Mask } from "../../photograph/columns";

/** Part of the photograph in a picture: `scale` pixels of the picture for one of the photograph. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly scale: number;
}

/** One byte a pixel of the picture, column by column: 1 inside. Its work grows with the picture, not the photograph. */
export function rasterise(mask: Mask, frame: Frame): Uint8Array {
  const { width, height, left, top, scale } = frame;
  const inside = new Uint8Array(width * height);
  for (let x = 0; x < width; x += 1) {
    const column = Math.floor(left + (x + 0.5) / scale);
    if (column < 0 || column >= mask.width) continue;
    const intervals = mask.columns[column] as Intervals;
    for (let index = 0; index < intervals.length; index += 2) {
      const first = Math.max(0, Math.round(((intervals[index] as number) - top) * scale));
      const end = Math.min(height, Math.round(((intervals[index + 1] as number) - top) * scale));
      if (end > first) inside.fill(1, x * height + first, x * height + end);
    }
  }
  return inside;
}

/** Pixels of a raster that are inside with a neighbour outside; the frame's border is no edge. */
export function edgeOf(inside: Uint8Array, { width, height }: { width: number; height: number }): number[] {
  const edge: number[] = [];
  for (let x = 0; x < width; x += 1) {
    const column = x * height;
    for (let y = 0; y < height; y += 1) {
      const place = column + y;
      if (
        inside[place] === 1 &&
        ((y > 0 && inside[place - 1] === 0) ||
          (y + 1 < height && inside[place + 1] === 0) ||
          (x > 0 && inside[place - height] === 0) ||
          (x + 1 < width && inside[place + height] === 0))
      )
        edge.push(place);
    }
  }
  return edge;
}

/** Colours as a little-endian picture keeps them: 0xAABBGGRR. */
export const TINT = 0x2e3bd4ff;
export const OUTLINE = 0xff3bd4ff;
export const RIM = 0xb4000000;
export const OTHER = 0xc8e6e6e6;

/** Tint what is inside, and outline it on both grounds: yellow, with a dark rim around it. */
export function paintMask(pixels: Uint32Array, mask: Mask, frame: Frame, density: number): void {
  const { width, height } = frame;
  const inside = rasterise(mask, frame);
  for (let x = 0; x < width; x += 1) {
    for (let y = 0; y < height; y += 1) {
      if (inside[x * height + y] === 1) pixels[y * width + x] = TINT;
    }
  }
  const edge = edgeOf(inside, frame);
  const stamp = (radius: number, colour: number) => {
    const offsets = disc(radius);
    for (const place of edge) {
      const x = Math.floor(place / height);
      const y = place - x * height;
      for (const [dx, dy] of offsets) {
        const [px, py] = [x + dx, y + dy];
        if (px < 0 || py < 0 || px >= width || py >= height || inside[px * height + py] === 1) continue;
        pixels[py * width + px] = colour;
      }
    }
  };
  stamp(3.2 * density, RIM);
  stamp(1.8 * density, OUTLINE);
}

/** Outline what is marked already with light dashes: seen, and not mistaken for the mask in work. */
export function paintOther(pixels: Uint32Array, mask: Mask, frame: Frame, density: number): void {
  const { width, height } = frame;
  const dash = 6 * density;
  for (const place of edgeOf(rasterise(mask, frame), frame)) {
    const x = Math.floor(place / height);
    const y = place - x * height;
    const light = (x + y) % (2 * dash) < dash;
    for (const [dx, dy] of disc(density)) {
      const [px, py] = [x + dx, y + dy];
      if (px >= 0 && py >= 0 && px < width && py < height) pixels[py * width + px] = light ? OTHER : RIM;
    }
  }
}

function disc(radius: number): [number, number][] {
  const reach = Math.floor(radius);
  const offsets: [number, number][] = [];
  for (let dx = -reach; dx <= reach; dx += 1) {
    for (let dy = -reach; dy <= reach; dy += 1) {
      if (dx * dx + dy * dy <= radius * radius) offsets.push([dx, dy]);
    }
  }
  return offsets;
}
