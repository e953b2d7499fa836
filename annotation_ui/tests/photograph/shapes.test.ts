import { describe, expect, it } from "vitest";
import { contains, emptyMask, union } from "../../src/photograph/columns";
import { polygonShape, strokeShape } from "../../src/photograph/shapes";

const SIZE = 24;
const middles = Array.from({ length: SIZE * SIZE }, (_, place) => ({
  x: (place % SIZE) + 0.5,
  y: Math.floor(place / SIZE) + 0.5,
}));

function distance(
  p: { x: number; y: number },
  a: { x: number; y: number },
  b: { x: number; y: number },
): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const along = dx || dy ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / (dx * dx + dy * dy) : 0;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

describe("a stroke", () => {
  it.each([
    [{ x: 5, y: 5 }, { x: 5, y: 5 }, 3],
    [{ x: 4, y: 6 }, { x: 18, y: 15 }, 2.5],
    [{ x: 18, y: 15 }, { x: 4, y: 6 }, 2.5],
    [{ x: 8, y: 3 }, { x: 8, y: 20 }, 4],
    [{ x: 3.2, y: 12.7 }, { x: 20.9, y: 12.7 }, 1.3],
    [{ x: 2, y: 20 }, { x: 21, y: 2 }, 5],
  ])("covers the pixels within its radius and no others: %o to %o", (from, to, radius) => {
    const mask = union(emptyMask(SIZE, SIZE), strokeShape(from, to, radius));
    for (const pixel of middles) {
      const far = distance(pixel, from, to);
      if (Math.abs(far - radius) > 1e-6) expect(contains(mask, pixel.x, pixel.y)).toBe(far < radius);
    }
  });

  it("of any size marks at least the pixel it ends on", () => {
    const mask = union(emptyMask(SIZE, SIZE), strokeShape({ x: 3.01, y: 4.02 }, { x: 3.01, y: 4.02 }, 0.1));
    expect(contains(mask, 3.5, 4.5)).toBe(true);
  });
});

describe("a polygon", () => {
  it("encloses by even and odd, with holes where it crosses itself", () => {
    const square = union(
      emptyMask(SIZE, SIZE),
      polygonShape([
        { x: 2, y: 3 },
        { x: 10, y: 3 },
        { x: 10, y: 9 },
        { x: 2, y: 9 },
      ]),
    );
    for (const { x, y } of middles) expect(contains(square, x, y)).toBe(x > 2 && x < 10 && y > 3 && y < 9);
    const star = Array.from({ length: 5 }, (_, corner) => {
      const angle = (4 * Math.PI * corner) / 5;
      return { x: 12 + 10 * Math.sin(angle), y: 12 - 10 * Math.cos(angle) };
    });
    const drawn = union(emptyMask(SIZE, SIZE), polygonShape(star));
    expect(contains(drawn, 12, 12)).toBe(false);
    expect(contains(drawn, 12, 5)).toBe(true);
  });

  it("of two corners encloses nothing", () => {
    expect(
      polygonShape([
        { x: 1, y: 1 },
        { x: 5, y: 5 },
      ]).columns,
    ).toEqual([]);
  });
});
