import { describe, expect, it } from "vitest";
import { edgeOf, rasterise } from "../../src/masks/canvas/paint";
import { View } from "../../src/masks/canvas/view";
import { maskOf } from "../../src/photograph/columns";

const mask = maskOf({ width: 8, height: 6, counts: [2 * 6 + 1, 4, 2, 4, 2, 4, 48 - 29] }); // columns 2-4, rows 1-4

describe("a mask on the screen", () => {
  it("is drawn at any scale, from the part that is shown", () => {
    const frame = { width: 4, height: 3, left: 0, top: 0, scale: 0.5 };
    expect([...rasterise(mask, frame)]).toEqual([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
    const close = rasterise(mask, { width: 4, height: 4, left: 4, top: 4, scale: 2 });
    expect([...close]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("of 50 megapixels costs what the picture on the screen costs", () => {
    const large = maskOf({ width: 8660, height: 5774, counts: [0, 8660 * 5774] });
    const inside = rasterise(large, { width: 20, height: 10, left: 0, top: 0, scale: 0.001 });
    expect(inside.reduce((sum, pixel) => sum + pixel, 0)).toBe(9 * 6);
  });

  it("has its edge where a neighbour is outside, and not at the border of the picture", () => {
    const inside = new Uint8Array(9).fill(1);
    expect(edgeOf(inside, { width: 3, height: 3 })).toEqual([]);
    inside[4] = 0;
    expect(edgeOf(inside, { width: 3, height: 3 })).toEqual([1, 3, 5, 7]);
  });
});

describe("the view", () => {
  const view = () => {
    const made = new View({ width: 600, height: 400 });
    made.resize(300, 300);
    made.showAll();
    return made;
  };

  it("shows the whole photograph in the middle", () => {
    expect(view().scale).toBe(0.5);
    expect(view().on({ x: 300, y: 200 })).toEqual({ x: 150, y: 150 });
    expect(view().at(150, 150)).toEqual({ x: 300, y: 200 });
  });

  it("zooms around a point and stops before it is lost", () => {
    const zoomed = view();
    const before = zoomed.at(100, 120);
    zoomed.zoom(4, 100, 120);
    expect(zoomed.at(100, 120)).toEqual({ x: expect.closeTo(before.x), y: expect.closeTo(before.y) });
    zoomed.zoom(1e6);
    expect(zoomed.scale).toBe(40);
    zoomed.zoom(1e-6);
    expect(zoomed.scale).toBe(0.25);
  });

  it("keeps the photograph in sight, and the crosshair too", () => {
    const panned = view();
    panned.pan(1e6, -1e6);
    expect(panned.at(150, 150)).toEqual({ x: 0, y: 400 });
    panned.zoom(8);
    panned.follow({ x: 599, y: 10 });
    const place = panned.on({ x: 599, y: 10 });
    expect(place.x).toBeLessThanOrEqual(300);
    expect(place.y).toBeGreaterThanOrEqual(0);
  });

  it("keeps its middle when the window changes", () => {
    const view2 = view();
    view2.zoom(3, 80, 90);
    const middle = view2.at(150, 150);
    view2.resize(500, 200);
    expect(view2.at(250, 100)).toEqual({ x: expect.closeTo(middle.x), y: expect.closeTo(middle.y) });
  });
});
