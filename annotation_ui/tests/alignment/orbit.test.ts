import { describe, expect, it } from "vitest";
import { subtract, type Vec3 } from "../../src/alignment/pose/vectors";
import { ballAround, ballOf } from "../../src/alignment/scene/balls";
import { Orbit } from "../../src/alignment/scene/orbit";

const SIZE = { width: 400, height: 300 };
const OBJECT: Vec3 = [0, 0, 4];

function eyeFrom(name: Parameters<Orbit["show"]>[0]): Vec3 {
  const orbit = new Orbit();
  orbit.show(name, OBJECT, 1);
  return orbit.view(SIZE).eye;
}

describe("the free view", () => {
  it("from the left, the right, above and behind", () => {
    const from = (name: Parameters<Orbit["show"]>[0]) => subtract(eyeFrom(name), OBJECT);
    expect(from("left")[0]).toBeLessThan(-3);
    expect(from("right")[0]).toBeGreaterThan(3);
    expect(from("top")[1]).toBeLessThan(-3); // y points down
    expect(from("behind")[2]).toBeGreaterThan(3);
    expect(from("start")[2]).toBeLessThan(-2);
  });

  it("has what it looks at in its middle, upright", () => {
    const orbit = new Orbit();
    orbit.show("right", [0.5, 0.2, 3], 1);
    const view = orbit.view(SIZE);
    expect(view.project([0.5, 0.2, 3])).toMatchObject({
      x: expect.closeTo(200, 6),
      y: expect.closeTo(150, 6),
    });
    expect(view.up[1]).toBeLessThan(-0.9);
  });

  it("holds the whole ball", () => {
    const orbit = new Orbit();
    orbit.show("start", OBJECT, 2);
    const view = orbit.view(SIZE);
    for (const edge of [
      [2, 0, 4],
      [-2, 0, 4],
      [0, 2, 4],
      [0, -2, 4],
      [0, 0, 6],
      [0, 0, 2],
    ] as Vec3[]) {
      const pixel = view.project(edge);
      expect(pixel?.x).toBeGreaterThan(0);
      expect(pixel?.x).toBeLessThan(400);
      expect(pixel?.y).toBeGreaterThan(0);
      expect(pixel?.y).toBeLessThan(300);
    }
  });

  it("leaves the input camera from where that stands", () => {
    const orbit = new Orbit();
    orbit.show("input", OBJECT, 1);
    expect(orbit.throughInput).toBe(true);
    orbit.turn(0, 0);
    expect(orbit.throughInput).toBe(false);
    const { eye, forward } = orbit.view(SIZE);
    eye.forEach((value) => void expect(value).toBeCloseTo(0, 9));
    expect(forward[2]).toBeCloseTo(1, 9);
  });

  it("stays as far away while it turns, comes closer by a factor, and never turns over the top", () => {
    const orbit = new Orbit();
    orbit.show("start", OBJECT, 1);
    const before = orbit.distance;
    orbit.drag(300, 5_000);
    expect(orbit.distance).toBe(before);
    expect(orbit.view(SIZE).up[1]).toBeLessThan(0);
    orbit.closer(2);
    expect(orbit.distance).toBeCloseTo(before / 2, 12);
  });

  it("pans with the pointer: what was under it stays under it", () => {
    const orbit = new Orbit();
    orbit.show("start", OBJECT, 1);
    orbit.pan(30, -20, orbit.view(SIZE));
    const pixel = orbit.view(SIZE).project(OBJECT);
    expect(pixel?.x).toBeCloseTo(230, 6);
    expect(pixel?.y).toBeCloseTo(130, 6);
  });
});

describe("balls", () => {
  it("around points do not follow an outlier", () => {
    const points = Float32Array.from([...Array.from({ length: 297 }, (_, n) => Math.sin(n)), 0, 0, 9]);
    expect(ballOf(points)?.radius).toBeLessThan(4);
    expect(ballOf(new Float32Array())).toBeNull();
  });

  it("around two balls hold both", () => {
    const around = ballAround({ centre: [0, 0, 0], radius: 1 }, { centre: [4, 0, 0], radius: 1 });
    expect(around).toEqual({ centre: [2, 0, 0], radius: 3 });
    const inner = { centre: [0.1, 0, 0] as Vec3, radius: 0.2 };
    expect(ballAround(around, inner)).toBe(around);
    expect(ballAround(inner, around)).toBe(around);
  });
});
