import { describe, expect, it } from "vitest";
import { PHOTOGRAPH_AXES } from "../../src/alignment/pose/axes";
import { inputView, type View } from "../../src/alignment/pose/pinhole";
import { type Pose, rotated, sizeOf, UPRIGHT_FACING_CAMERA } from "../../src/alignment/pose/pose";
import type { Vec3 } from "../../src/alignment/pose/vectors";
import { Gesture, type Grip, type Handle, type Modifiers } from "../../src/alignment/tools/gesture";
import { ARM_PX, handleAt } from "../../src/alignment/tools/handles";
import { nudged } from "../../src/alignment/tools/nudge";

/** 100 pixels a unit at depth 2, the object in the middle. */
const VIEW = inputView(
  { fx: 200, fy: 200, cx: 100, cy: 100, width: 200, height: 200 },
  { left: 0, top: 0, zoom: 1 },
);
const POSE: Pose = { rotation_wxyz: UPRIGHT_FACING_CAMERA, translation: [0, 0, 2], scale: [1, 1, 1] };
const FREELY: Modifiers = { fine: false, steps: false };
const CENTRE = { x: 100, y: 100 };

function hold(tool: Grip["tool"], handle: Handle, pointer = CENTRE, view: View = VIEW) {
  return new Gesture({ tool, handle, view, axes: PHOTOGRAPH_AXES, pose: POSE, pointer, moveStep: 0.05 });
}

function near(actual: readonly number[], expected: readonly number[], digits = 6) {
  for (const [n, value] of actual.entries()) expect(value).toBeCloseTo(expected[n] as number, digits);
}

const front = ({ rotation_wxyz }: Pose): Vec3 => rotated(rotation_wxyz, [0, 0, 1]);

describe("moving", () => {
  it("follows the pointer in the plane of the picture", () =>
    near(hold("move", "free").to({ x: 150, y: 80 }, FREELY).translation, [0.5, -0.2, 2]));

  it("along one axis goes nowhere else", () =>
    near(hold("move", 0).to({ x: 150, y: 30 }, FREELY).translation, [0.5, 0, 2]));

  it("along an axis that points at the viewer does nothing", () =>
    near(hold("move", 2).to({ x: 150, y: 30 }, FREELY).translation, [0, 0, 2]));

  it("finely goes a fifth of the way, from where it was", () => {
    const gesture = hold("move", "free");
    gesture.to({ x: 150, y: 100 }, FREELY);
    near(gesture.to({ x: 200, y: 100 }, { fine: true, steps: false }).translation, [0.6, 0, 2]);
  });

  it("in steps stands on multiples of the step", () =>
    near(hold("move", 0).to({ x: 112, y: 100 }, { fine: false, steps: true }).translation, [0.1, 0, 2]));

  it("comes back to where it was", () => {
    const gesture = hold("move", "free");
    gesture.to({ x: 7, y: 180 }, FREELY);
    near(gesture.to(CENTRE, FREELY).translation, POSE.translation);
  });
});

describe("turning", () => {
  it("freely: to the right turns the front to the right", () => {
    const turned = front(hold("turn", "free").to({ x: 150, y: 100 }, FREELY));
    near(turned, [Math.sin(0.4), 0, -Math.cos(0.4)]);
  });

  it("freely downwards turns the front down", () => {
    const turned = front(hold("turn", "free").to({ x: 100, y: 150 }, FREELY));
    near(turned, [0, Math.sin(0.4), -Math.cos(0.4)]);
  });

  it("with the outer ring goes around like a wheel", () => {
    const wheel = hold("turn", "ring", { x: 190, y: 100 });
    const turned = wheel.to({ x: 100, y: 10 }, FREELY); // a quarter counter-clockwise
    near(rotated(turned.rotation_wxyz, [1, 0, 0]), [0, -1, 0]);
  });

  it("in steps of 15 degrees", () => {
    const turned = front(hold("turn", "free").to({ x: 134, y: 100 }, { fine: false, steps: true }));
    near(turned, [Math.sin(Math.PI / 12), 0, -Math.cos(Math.PI / 12)]);
  });

  it("about an axis seen from the side follows the way along its ring", () => {
    const turned = front(hold("turn", 1).to({ x: 150, y: 100 }, FREELY));
    near(turned, [Math.sin(0.4), 0, -Math.cos(0.4)]);
  });
});

describe("scaling", () => {
  it("goes with the distance from the centre", () => {
    expect(sizeOf(hold("scale", "free", { x: 150, y: 100 }).to({ x: 175, y: 100 }, FREELY))).toBeCloseTo(1.5);
    expect(sizeOf(hold("scale", 0, { x: 150, y: 100 }).to({ x: 125, y: 100 }, FREELY))).toBeCloseTo(0.5);
  });

  it("held at the centre follows the pointer upwards", () =>
    expect(sizeOf(hold("scale", "free").to({ x: 100, y: 0 }, FREELY))).toBeCloseTo(Math.exp(0.5)));

  it("in steps of five hundredths, and never to nothing", () => {
    const gesture = hold("scale", "free", { x: 150, y: 100 });
    expect(sizeOf(gesture.to({ x: 161, y: 100 }, { fine: false, steps: true }))).toBeCloseTo(1.2);
    expect(sizeOf(gesture.to(CENTRE, { fine: false, steps: true }))).toBeCloseTo(0.05);
  });

  it("moves nothing", () =>
    expect(hold("scale", "free", { x: 150, y: 100 }).to({ x: 180, y: 40 }, FREELY).translation).toEqual([
      0, 0, 2,
    ]));
});

describe("handles", () => {
  const at = (tool: Grip["tool"], x: number, y: number) =>
    handleAt(tool, { x, y }, VIEW, PHOTOGRAPH_AXES, POSE.translation);

  it("of a move are arms of a fixed length on the screen", () => {
    expect(at("move", 100 + ARM_PX / 2, 103)).toBe(0);
    expect(at("move", 98, 100 - ARM_PX + 2)).toBe(1);
    expect(at("move", 100 + ARM_PX + 15, 100)).toBeNull();
    expect(at("move", 140, 140)).toBeNull();
  });

  it("of a turn are rings, the outer one around all", () => {
    expect(at("turn", 100 + ARM_PX * 1.18, 100)).toBe("ring");
    expect(at("turn", 100 + (ARM_PX * 1.18) / Math.SQRT2, 100 - (ARM_PX * 1.18) / Math.SQRT2)).toBe("ring");
    expect(at("turn", 100, 150)).toBe(0);
    expect(at("turn", 150, 100)).toBe(1);
  });

  it("are as large far away as near", () => {
    const far = handleAt("move", { x: 100 + ARM_PX - 3, y: 100 }, VIEW, PHOTOGRAPH_AXES, [0, 0, 50]);
    expect(far).toBe(0);
  });

  it("behind the eye are none", () =>
    expect(handleAt("move", CENTRE, VIEW, PHOTOGRAPH_AXES, [0, 0, -1])).toBeNull());

  it("looking around takes hold of nothing", () =>
    expect(handleAt("look", { x: 150, y: 100 }, VIEW, PHOTOGRAPH_AXES, POSE.translation)).toBeNull());
});

describe("nudges", () => {
  const how = { axis: null, axes: PHOTOGRAPH_AXES, moveStep: 0.1, ...FREELY } as const;

  it("move by a quarter of a step, finely by a twentieth, in steps by one", () => {
    near(nudged(POSE, "right", { ...how, tool: "move" }).translation, [0.025, 0, 2]);
    near(nudged(POSE, "up", { ...how, tool: "move", fine: true }).translation, [0, -0.005, 2]);
    near(nudged(POSE, "nearer", { ...how, tool: "move", steps: true }).translation, [0, 0, 1.9]);
  });

  it("turn by the same shares of 15 degrees", () => {
    const turned = front(nudged(POSE, "right", { ...how, tool: "turn", steps: true }));
    near(turned, [Math.sin(Math.PI / 12), 0, -Math.cos(Math.PI / 12)]);
  });

  it("scale up and back down to where it was", () => {
    const up = nudged(POSE, "up", { ...how, tool: "scale", steps: true });
    expect(sizeOf(up)).toBeCloseTo(1.05);
    expect(sizeOf(nudged(up, "down", { ...how, tool: "scale", steps: true }))).toBeCloseTo(1);
  });

  it("keep to one axis where one is set, whatever arrow is pressed", () => {
    near(nudged(POSE, "up", { ...how, tool: "move", axis: 0 }).translation, [0.025, 0, 2]);
    near(nudged(POSE, "left", { ...how, tool: "move", axis: 1 }).translation, [0, 0.025, 2]);
  });
});
