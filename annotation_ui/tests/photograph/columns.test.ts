import { describe, expect, it } from "vitest";
import {
  area,
  boxOf,
  contains,
  difference,
  emptyMask,
  type Mask,
  maskOf,
  runLengths,
  sameMask,
  union,
} from "../../src/photograph/columns";
import { runsOf } from "../../src/photograph/mask";

/** The same numbers in every run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomPixels(next: () => number, width: number, height: number): boolean[] {
  const share = next();
  return Array.from({ length: width * height }, () => next() < share);
}

const maskFrom = (pixels: boolean[], width: number, height: number): Mask =>
  maskOf({
    width,
    height,
    counts: runsOf(
      pixels.map((inside) => (inside ? 255 : 0)),
      width,
      height,
    ),
  });

const pixelsOf = (mask: Mask): boolean[] =>
  Array.from({ length: mask.width * mask.height }, (_, place) =>
    contains(mask, (place % mask.width) + 0.5, Math.floor(place / mask.width) + 0.5),
  );

describe("a mask as columns", () => {
  it("keeps every pixel of any mask, and its run lengths are those of COCO", () => {
    const next = dice(1);
    for (let round = 0; round < 300; round += 1) {
      const [width, height] = [1 + Math.floor(next() * 7), 1 + Math.floor(next() * 7)];
      const pixels = randomPixels(next, width, height);
      const mask = maskFrom(pixels, width, height);
      expect(pixelsOf(mask)).toEqual(pixels);
      expect(runLengths(mask)).toEqual(
        runsOf(
          pixels.map((inside) => (inside ? 255 : 0)),
          width,
          height,
        ),
      );
      expect(area(mask)).toBe(pixels.filter(Boolean).length);
    }
  });

  it("adds and takes away as sets of pixels do, also where the shape sticks out", () => {
    const next = dice(2);
    for (let round = 0; round < 300; round += 1) {
      const [width, height, left] = [6, 5, Math.floor(next() * 5) - 2];
      const first = randomPixels(next, width, height);
      const second = randomPixels(next, width, height);
      const shape = { left, columns: maskFrom(second, width, height).columns };
      const inShape = (place: number) => {
        const column = (place % width) - left;
        return column >= 0 && column < width && second[Math.floor(place / width) * width + column] === true;
      };
      const mask = maskFrom(first, width, height);
      expect(pixelsOf(union(mask, shape))).toEqual(first.map((inside, place) => inside || inShape(place)));
      expect(pixelsOf(difference(mask, shape))).toEqual(
        first.map((inside, place) => inside && !inShape(place)),
      );
      expect(pixelsOf(mask)).toEqual(first); // as it was
    }
  });

  it("clips rows outside of the photograph", () => {
    const mask = union(emptyMask(2, 4), { left: 0, columns: [[-3, 2, 3, 9]] });
    expect(mask.columns).toEqual([[0, 2, 3, 4], []]);
  });

  it("shares the columns that an operation leaves alone, so that undo weighs little", () => {
    const mask = maskOf({ width: 3, height: 2, counts: [0, 6] });
    const less = difference(mask, { left: 1, columns: [[0, 1]] });
    expect(less.columns[0]).toBe(mask.columns[0]);
    expect(less.columns[2]).toBe(mask.columns[2]);
  });

  it("knows its box and its equals", () => {
    expect(boxOf(emptyMask(4, 4))).toBeNull();
    const mask = maskOf({ width: 4, height: 4, counts: [5, 2, 3, 1, 5] });
    expect(boxOf(mask)).toEqual({ left: 1, top: 1, width: 2, height: 2 });
    expect(sameMask(mask, maskOf({ width: 4, height: 4, counts: [5, 2, 3, 1, 5] }))).toBe(true);
    expect(sameMask(mask, emptyMask(4, 4))).toBe(false);
  });

  it("of 50 megapixels is drawn on and written in a moment", () => {
    const wide = { width: 8660, height: 5774 };
    let mask = emptyMask(wide.width, wide.height);
    for (let step = 0; step < 50; step += 1) {
      mask = union(mask, {
        left: 2000 + step * 10,
        columns: new Array(400).fill([1000 + step, 3000 + step]),
      });
    }
    const counts = runLengths(mask);
    expect(counts.reduce((sum, run) => sum + run, 0)).toBe(wide.width * wide.height);
    expect(sameMask(maskOf({ ...wide, counts }), mask)).toBe(true);
  });
});
