import { describe, expect, it } from "vitest";
import type { Pose } from "../../src/alignment/pose/pose";
import { distanceAt, distanceGrid, squaredDistance } from "../../src/alignment/scores/distanceGrid";
import { inlierShare, sampled } from "../../src/alignment/scores/inliers";
import {
  countOverlap,
  intersectionOverUnion,
  samplesOf,
  scoredWindow,
} from "../../src/alignment/scores/silhouette";

/** A cube from -0.5 to 0.5. */
const CUBE = {
  positions: [-1, 1].flatMap((x) => [-1, 1].flatMap((y) => [-1, 1].flatMap((z) => [x / 2, y / 2, z / 2]))),
  index: [
    0, 1, 3, 0, 3, 2, 4, 6, 7, 4, 7, 5, 0, 4, 5, 0, 5, 1, 2, 3, 7, 2, 7, 6, 0, 2, 6, 0, 6, 4, 1, 5, 7, 1, 7,
    3,
  ],
};
const GRID = distanceGrid(CUBE.positions, CUBE.index);
const AT_HOME: Pose = { rotation_wxyz: [1, 0, 0, 0], translation: [0, 0, 0], scale: [1, 1, 1] };

describe("distance to a triangle", () => {
  const triangle = [0, 0, 0, 1, 0, 0, 0, 1, 0];
  it.each([
    ["its inside", [0.2, 0.2, 3], 9],
    ["a corner", [-1, -1, 0], 2],
    ["another corner", [3, 0, 0], 4],
    ["the third corner", [0, 3, 4], 20],
    ["an edge", [0.5, -2, 0], 4],
    ["another edge", [-2, 0.5, 0], 4],
    ["the long edge", [1, 1, 0], 0.5],
  ] as const)("%s", (_, [x, y, z], expected) =>
    expect(squaredDistance(x, y, z, triangle, 0, 3, 6)).toBeCloseTo(expected, 12),
  );

  it("that is no more than a point or a line", () => {
    expect(squaredDistance(3, 4, 0, [0, 0, 0, 0, 0, 0, 0, 0, 0], 0, 3, 6)).toBe(25);
    expect(squaredDistance(0.5, 2, 0, [0, 0, 0, 1, 0, 0, 1, 0, 0], 0, 3, 6)).toBeCloseTo(4, 12);
  });
});

describe("the distance grid of a cube", () => {
  const expected = (x: number, y: number, z: number) => {
    const [a, b, c] = [Math.abs(x) - 0.5, Math.abs(y) - 0.5, Math.abs(z) - 0.5];
    const inside = Math.min(0, Math.max(a, b, c));
    return Math.abs(Math.hypot(Math.max(a, 0), Math.max(b, 0), Math.max(c, 0)) + inside);
  };

  it("is exact to a small part of a cell, inside and outside", () => {
    let worst = 0;
    for (let n = 0; n < 2_000; n += 1) {
      const [x, y, z] = [0.6 * Math.sin(n), 0.6 * Math.sin(1.7 * n + 1), 0.6 * Math.sin(2.3 * n + 2)];
      const away = expected(x, y, z);
      if (away > GRID.cell) worst = Math.max(worst, Math.abs(distanceAt(GRID, x, y, z) - away));
    }
    expect(worst).toBeLessThan(0.35 * GRID.cell);
  });

  it("beyond its edge adds the way to it", () => expect(distanceAt(GRID, 5, 0, 0)).toBeCloseTo(4.5, 1));
});

describe("the share of near points", () => {
  const points = Float32Array.from([0.53, 0, 0, 0, 0.57, 0, 0, 0, -0.53, 0, 0, 0]);

  it("counts what lies within the tolerance, on either side", () => {
    expect(inlierShare(points, AT_HOME, GRID, 0.05)).toBe(0.5);
    expect(inlierShare(points, AT_HOME, GRID, 0.08)).toBe(0.75);
    expect(inlierShare(points, AT_HOME, GRID, 0.6)).toBe(1);
  });

  it("measures in the unit of the points, whatever the size of the object", () => {
    const large: Pose = { ...AT_HOME, translation: [10, 0, 0], scale: [4, 4, 4] };
    expect(inlierShare(Float32Array.from([12.1, 0, 0]), large, GRID, 0.15)).toBe(1);
    expect(inlierShare(Float32Array.from([12.1, 0, 0]), large, GRID, 0.05)).toBe(0);
  });

  it("follows the rotation", () => {
    const eighth: Pose = { ...AT_HOME, rotation_wxyz: [Math.cos(Math.PI / 8), 0, Math.sin(Math.PI / 8), 0] };
    expect(inlierShare(Float32Array.from([0.69, 0, 0]), eighth, GRID, 0.03)).toBe(1); // an edge is there now
    expect(inlierShare(Float32Array.from([0.69, 0, 0]), AT_HOME, GRID, 0.03)).toBe(0);
  });

  it("is unknown without points", () => expect(inlierShare(new Float32Array(), AT_HOME, GRID, 1)).toBeNull());

  it("is taken over an even sample", () => {
    const many = Float32Array.from({ length: 30 }, (_, n) => n);
    expect([...sampled(many, 5)]).toEqual([0, 1, 2, 6, 7, 8, 12, 13, 14, 18, 19, 20, 24, 25, 26]);
    expect([...sampled(many, 10)]).toEqual([...many]);
  });
});

describe("the overlap of outlines", () => {
  const RED = [255, 0, 255, 0];
  const GREEN = [0, 255, 255, 0];
  const BOTH = [255, 255, 255, 0];
  const BEYOND = [255, 255, 0, 0];

  it("is counted by colour", () => {
    const overlap = countOverlap([...RED, ...GREEN, ...GREEN, ...BOTH, ...BEYOND, 0, 0, 255, 0]);
    expect(overlap).toEqual({ match: 1, missing: 2, excess: 1 });
    expect(intersectionOverUnion(overlap)).toBe(0.25);
  });

  it("of nothing with nothing is none", () =>
    expect(intersectionOverUnion({ match: 0, missing: 0, excess: 0 })).toBe(0));

  const camera = { fx: 100, fy: 100, cx: 50, cy: 50, width: 100, height: 100 };
  const box = { low: [-0.5, -0.5, -0.5], high: [0.5, 0.5, 0.5] } as const;
  const target = { left: 40, top: 40, width: 10, height: 10 };

  it("is looked for around target and shape", () => {
    const pose: Pose = { ...AT_HOME, translation: [0, 0, 10.5] }; // 10 pixels wide at its front
    expect(scoredWindow(target, pose, box, camera)).toEqual({ left: 40, top: 40, width: 16, height: 16 });
  });

  it("is sampled at pixel centres, all of them where they are few", () => {
    const centres = ({ window, columns }: ReturnType<typeof samplesOf>) =>
      Array.from({ length: columns }, (_, n) => window.left + ((n + 0.5) * window.width) / columns);
    expect(centres(samplesOf({ left: 7, top: 0, width: 4, height: 2 }, 4))).toEqual([7.5, 8.5, 9.5, 10.5]);
    expect(centres(samplesOf({ left: 7, top: 0, width: 7, height: 2 }, 4))).toEqual([7.5, 9.5, 11.5, 13.5]);
    expect(centres(samplesOf({ left: 7, top: 0, width: 9, height: 2 }, 4))).toEqual([8.5, 11.5, 14.5]);
    expect(samplesOf({ left: 7, top: 0, width: 9, height: 2 }, 4)).toMatchObject({ columns: 3, rows: 1 });
  });

  it("never beyond the photograph, and everywhere for what reaches behind the camera", () => {
    const whole = { left: 0, top: 0, width: 100, height: 100 };
    expect(scoredWindow(target, { ...AT_HOME, translation: [0, 0, 0.6] }, box, camera)).toEqual(whole);
    expect(scoredWindow(target, { ...AT_HOME, translation: [0, 0, -2] }, box, camera)).toEqual(whole);
  });
});
