import { beforeEach, describe, expect, it } from "vitest";
import { PHOTOGRAPH_AXES } from "../../src/alignment/pose/axes";
import { inputView } from "../../src/alignment/pose/pinhole";
import type { Pose } from "../../src/alignment/pose/pose";
import type { Tool } from "../../src/alignment/tools/gesture";
import { Grasp, type Graspable } from "../../src/alignment/tools/grasp";
import { FIRST } from "./tasks";

/** 100 pixels a unit at the object, which covers what lies within 50 pixels of the middle. */
const VIEW = inputView(
  { fx: 200, fy: 200, cx: 100, cy: 100, width: 200, height: 200 },
  { left: 0, top: 0, zoom: 1 },
);
const MIDDLE = { x: 100, y: 100 };
const OUTSIDE = { x: 10, y: 190 };
const FREELY = { fine: false, steps: false };

class Thing implements Graspable {
  now: Pose | null = FIRST;
  placed: Pose[] = [];
  tool: Tool = "move";
  axis: 0 | 1 | 2 | null = null;
  steps = false;

  pose = () => this.now;
  view = () => VIEW;
  axes = () => PHOTOGRAPH_AXES;
  moveStep = () => 0.5;
  held = () => ({ tool: this.tool, axis: this.axis, handles: true, steps: this.steps });
  covers = ({ x, y }: { x: number; y: number }) => Math.hypot(x - 100, y - 100) < 50;
  show = (pose: Pose) => {
    this.now = pose;
  };
  place = (pose: Pose) => {
    this.placed.push(pose);
  };
}

let thing: Thing;
let grasp: Grasp;
const where = () => thing.now?.translation;

beforeEach(() => {
  thing = new Thing();
  grasp = new Grasp(thing);
});

describe("with a button", () => {
  it("takes hold of the object, follows, and puts it down once", () => {
    expect(grasp.grip("scene", { x: 70, y: 130 })).toBe(true);
    grasp.move("scene", { x: 120, y: 130 }, FREELY);
    expect(where()).toEqual([0.5, 0, 2]);
    expect(thing.placed).toEqual([]);
    grasp.drop();
    grasp.drop();
    expect(thing.placed).toHaveLength(1);
    expect(grasp.holding).toBe(false);
  });

  it("takes a handle before the object", () => {
    grasp.move("scene", { x: 160, y: 100 }, FREELY);
    expect(grasp.handle).toBe(0);
    grasp.grip("scene", { x: 160, y: 100 });
    grasp.move("scene", { x: 170, y: 150 }, FREELY);
    expect(where()?.[0]).toBeCloseTo(0.1, 9);
    expect(where()?.[1]).toBe(0);
  });

  it("beside the object takes hold of nothing, but of the object anywhere in the photograph", () => {
    expect(grasp.grip("scene", OUTSIDE)).toBe(false);
    expect(grasp.grip("photograph", OUTSIDE)).toBe(true);
  });

  it("looks around without touching anything", () => {
    thing.tool = "look";
    expect(grasp.grip("photograph", MIDDLE)).toBe(false);
  });

  it("goes in steps with Ctrl, and smoothly with Ctrl where steps are on", () => {
    grasp.grip("photograph", MIDDLE);
    grasp.move("photograph", { x: 140, y: 100 }, { fine: false, steps: true });
    expect(where()?.[0]).toBeCloseTo(0.5, 9);
    thing.steps = true;
    grasp.move("photograph", { x: 140, y: 100 }, { fine: false, steps: true });
    expect(where()?.[0]).toBeCloseTo(0.4, 9);
  });
});

describe("without a button", () => {
  beforeEach(() => grasp.move("photograph", MIDDLE, FREELY));

  it("follows from where the pointer is, and a click puts it down", () => {
    expect(grasp.follow()).toBe(true);
    expect(grasp.loosely).toBe(true);
    grasp.move("photograph", { x: 150, y: 100 }, FREELY);
    expect(grasp.grip("photograph", { x: 150, y: 100 })).toBe(true);
    grasp.drop(); // the button comes up again
    expect(thing.placed.map(({ translation }) => translation)).toEqual([[0.5, 0, 2]]);
  });

  it("called off, it is back where it was, and nothing was done", () => {
    grasp.follow();
    grasp.move("photograph", { x: 150, y: 100 }, FREELY);
    grasp.cancel();
    expect(thing.now).toBe(FIRST);
    expect(thing.placed).toEqual([]);
  });

  it("keeps to an axis that is set meanwhile, from the same start", () => {
    grasp.follow();
    grasp.move("photograph", { x: 150, y: 180 }, FREELY);
    thing.axis = 0;
    grasp.renew();
    expect(where()).toEqual([0.5, 0, 2]);
    thing.axis = 1;
    grasp.renew();
    expect(where()?.[0]).toBe(0);
    expect(where()?.[1]).toBeCloseTo(0.8, 9);
  });

  it("needs a pointer over a view", () => {
    grasp.leave();
    expect(grasp.follow()).toBe(false);
  });
});
