import { describe, expect, it } from "vitest";
import shared from "../../../tests/fixtures/poses.json";
import { anglesOf, quaternionFromAngles, uprightOn } from "../../src/alignment/pose/angles";
import { localAxes, PHOTOGRAPH_AXES, standing } from "../../src/alignment/pose/axes";
import {
  dollied,
  flipped,
  grounded,
  moved,
  quarterTurned,
  scaled,
  turned,
  upsideDown,
} from "../../src/alignment/pose/edits";
import { POSE_FIELDS } from "../../src/alignment/pose/fields";
import { poseFromOutline } from "../../src/alignment/pose/firstPose";
import { inputView } from "../../src/alignment/pose/pinhole";
import {
  aboutAxis,
  between,
  cameraFromObject,
  type Pose,
  problemOf,
  product,
  type Quaternion,
  quaternionOf,
  readPose,
  rotated,
  rotationOf,
  sizeOf,
  transformed,
  UPRIGHT_FACING_CAMERA,
} from "../../src/alignment/pose/pose";
import type { Vec3 } from "../../src/alignment/pose/vectors";

const CAMERA = { fx: 100, fy: 100, cx: 50, cy: 40, width: 100, height: 80 };
const HALF = Math.SQRT1_2;
const UPRIGHT: Pose = { rotation_wxyz: UPRIGHT_FACING_CAMERA, translation: [0, 0, 2], scale: [1, 1, 1] };

function near(actual: readonly number[], expected: readonly number[]) {
  expect(actual.length).toBe(expected.length);
  for (const [n, value] of actual.entries()) expect(value).toBeCloseTo(expected[n] as number, 7);
}

/** Quaternions q and -q are one rotation. */
function nearRotation(actual: Quaternion, expected: Quaternion) {
  near(rotationOf(actual).flat(), rotationOf(expected).flat());
}

describe("poses that Python shares", () => {
  it.each(shared.poses)("$name", ({ pose: said, camera_from_object, points_object, points_camera }) => {
    const pose = readPose(said) as Pose;
    near(cameraFromObject(pose), camera_from_object.flat());
    for (const [n, point] of points_object.entries())
      near(transformed(pose, point as unknown as Vec3), points_camera[n] ?? []);
    nearRotation(quaternionOf(rotationOf(pose.rotation_wxyz)), pose.rotation_wxyz);
  });

  it.each(shared.refused)("refused: $name", (said) => expect(readPose(said)).toBeNull());
});

describe("edits that Python shares", () => {
  const ground = shared.ground as unknown as { normal: Vec3; offset: number; axes: [Vec3, Vec3, Vec3] };
  const corners = shared.corners_object as unknown as Vec3[];
  const axesOf = (frame: string | undefined, pose: Pose) =>
    frame === "local" ? localAxes(pose) : frame === "ground" ? standing(ground.normal) : PHOTOGRAPH_AXES;

  it("the axes of the ground", () => near(standing(ground.normal).flat(), ground.axes.flat()));

  it.each(shared.edits)("$name", ({ edit, frame, axis, sign, ...said }) => {
    const [pose, after] = [readPose(said.pose) as Pose, readPose(said.after) as Pose];
    const edited = {
      flip: () => flipped(pose),
      upside_down: () => upsideDown(pose),
      quarter: () => quarterTurned(pose, axesOf(frame, pose), axis as 0 | 1 | 2, sign as 1 | -1),
      ground: () => grounded(pose, ground, corners),
    }[edit as "flip" | "upside_down" | "quarter" | "ground"]();
    nearRotation(edited.rotation_wxyz, after.rotation_wxyz);
    near(edited.translation, after.translation);
    near(edited.scale, after.scale);
  });
});

describe("rotations", () => {
  it("a quarter turn about y takes z to x", () => near(rotated([HALF, 0, HALF, 0], [0, 0, 1]), [1, 0, 0]));

  it("the product turns by the second first", () => {
    const [x, y] = [aboutAxis([1, 0, 0], Math.PI / 2), aboutAxis([0, 1, 0], Math.PI / 2)];
    near(rotated(product(y, x), [0, 1, 0]), rotated(y, rotated(x, [0, 1, 0])));
    near(rotated(product(y, x), [0, 1, 0]), [1, 0, 0]);
  });

  it("the quaternion of a matrix has w ≥ 0, whichever component is largest", () => {
    const turns: Quaternion[] = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [0, 0, 0, 1],
      [0.1, 0.2, -0.9, 0.375],
    ];
    for (const turn of turns) {
      const back = quaternionOf(rotationOf(turn));
      expect(back[0]).toBeGreaterThanOrEqual(0);
      nearRotation(back, turn);
    }
  });

  it("the shortest turn between two directions, also between opposite ones", () => {
    near(rotated(between([0, 0, 1], [0, 1, 0]), [0, 0, 1]), [0, 1, 0]);
    near(rotated(between([0, 0, 1], [0, 0, -1]), [0, 0, 1]), [0, 0, -1]);
    near(rotated(between([1, 0, 0], [-1, 0, 0]), [1, 0, 0]), [-1, 0, 0]);
  });
});

describe("angles", () => {
  it("are zero for an object that is upright and faces the camera", () => {
    near(Object.values(anglesOf(UPRIGHT_FACING_CAMERA, UPRIGHT_FACING_CAMERA)), [0, 0, 0]);
  });

  it.each([
    { tilt: 20, heading: -130, roll: 10 },
    { tilt: -75, heading: 5, roll: 170 },
    { tilt: 90, heading: 30, roll: 0 },
    { tilt: -90, heading: -30, roll: 0 },
  ])("come back: %o", (angles) => {
    const upright = uprightOn(standing([0, -Math.cos(0.4), -Math.sin(0.4)]));
    const back = anglesOf(quaternionFromAngles(angles, upright), upright);
    expect(back.tilt).toBeCloseTo(angles.tilt, 4);
    expect(back.heading).toBeCloseTo(angles.heading, 4);
    expect(back.roll).toBeCloseTo(angles.roll, 4);
  });

  it("on the photograph's own axes, upright is what it is without a ground", () =>
    nearRotation(uprightOn(PHOTOGRAPH_AXES), UPRIGHT_FACING_CAMERA));

  it("heading turns the front, which faced the camera, to the camera's right", () => {
    near(
      rotated(quaternionFromAngles({ tilt: 0, heading: 90, roll: 0 }, UPRIGHT_FACING_CAMERA), [0, 0, 1]),
      [1, 0, 0],
    );
  });
});

describe("edits", () => {
  it("move, turn and scale about the object's centre", () => {
    near(moved(UPRIGHT, [1, 2, 3]).translation, [1, 2, 5]);
    const right = turned(UPRIGHT, [0, -1, 0], Math.PI / 2);
    near(transformed(right, [0, 0, 0.5]), [0.5, 0, 2]); // the front was at z = 1.5
    near(right.translation, UPRIGHT.translation);
    near(scaled({ ...UPRIGHT, scale: [1, 2, 4] }, 2).scale, [2, 4, 8]);
    expect(sizeOf(scaled(UPRIGHT, 0))).toBeCloseTo(1e-6, 12); // never to nothing
  });

  it("flip about the object's own axes, and twice is not at all", () => {
    near(transformed(flipped(UPRIGHT), [0.1, 0.2, 0.5]), [-0.1, -0.2, 2.5]);
    near(transformed(upsideDown(UPRIGHT), [0.1, 0.2, 0.5]), [0.1, 0.2, 2.5]);
    nearRotation(flipped(flipped(UPRIGHT)).rotation_wxyz, UPRIGHT.rotation_wxyz);
  });

  it("four quarter turns are none, and one goes a quarter", () => {
    const turn = (pose: Pose) => quarterTurned(pose, PHOTOGRAPH_AXES, 1, 1);
    near(transformed(turn(UPRIGHT), [0, 0, 0.5]), [0.5, 0, 2]);
    nearRotation(turn(turn(turn(turn(UPRIGHT)))).rotation_wxyz, UPRIGHT.rotation_wxyz);
  });

  it("farther with the outline kept: every point stays on its ray", () => {
    const pose: Pose = { ...UPRIGHT, translation: [0.3, -0.2, 2] };
    const view = inputView(CAMERA, { left: 0, top: 0, zoom: 1 });
    for (const point of [
      [0.5, 0.5, 0.5],
      [-0.5, 0.1, -0.5],
    ] as const) {
      const [before, after] = [
        view.project(transformed(pose, point)),
        view.project(transformed(dollied(pose, 1.7), point)),
      ];
      expect(after?.x).toBeCloseTo(before?.x as number, 9);
      expect(after?.y).toBeCloseTo(before?.y as number, 9);
      expect(after?.depth).toBeCloseTo(1.7 * (before?.depth as number), 9);
    }
  });

  it("stands on the ground: nearest axis upright, lowest point on the plane", () => {
    const ground = { normal: [0, -1, 0] as Vec3, offset: -1 }; // y = 1 is the floor
    const leaning = turned(moved(UPRIGHT, [0, -3, 0]), [0, 0, 1], 0.3);
    const corners: Vec3[] = [
      [-0.5, -0.5, 0],
      [0.5, 0.5, 0],
    ];
    const stood = grounded(leaning, ground, corners);
    near(localAxes(stood)[1], [0, -1, 0]);
    expect(Math.max(...corners.map((corner) => transformed(stood, corner)[1]))).toBeCloseTo(1, 9);
    near(grounded(stood, ground, corners).translation, stood.translation); // and again changes nothing
  });

  it("axes on a ground are right-handed and as near to the photograph's as can be", () => {
    near(standing([0, -1, 0]).flat(), PHOTOGRAPH_AXES.flat());
    const [right, up, toward] = standing([0, -Math.cos(0.4), -Math.sin(0.4)]);
    near(right, [1, 0, 0]);
    near(up, [0, -Math.cos(0.4), -Math.sin(0.4)]);
    near(toward, [0, Math.sin(0.4), -Math.cos(0.4)]);
  });
});

describe("where to begin, and what is refused", () => {
  it("fills the box of M at a depth", () => {
    const pose = poseFromOutline({ left: 60, top: 20, width: 20, height: 10 }, CAMERA, 4);
    near(pose.translation, [0.8, -0.6, 4]);
    near(pose.scale, [0.8, 0.8, 0.8]);
  });

  it.each([
    [{ translation: [0, 0, -1] as Vec3 }, "behind the camera"],
    [{ translation: [0, 0, 0] as Vec3 }, "behind the camera"],
    [{ scale: [0.001, 0.001, 0.001] as Vec3 }, "smaller than a pixel"],
    [{ translation: [Number.NaN, 0, 1] as Vec3 }, "degenerate"],
    [{ scale: [0, 0, 0] as Vec3 }, "degenerate"],
  ])("%o", (change, said) => expect(problemOf({ ...UPRIGHT, ...change }, CAMERA)).toContain(said));

  it("a pose in view has no problem", () => expect(problemOf(UPRIGHT, CAMERA)).toBeNull());
});

describe("the numbers of a pose", () => {
  const pose: Pose = { ...UPRIGHT, translation: [0.1, -0.2, 2], scale: [0.4, 0.5, 0.6] };

  it.each(POSE_FIELDS.map((field) => [field.name, field] as const))("%s is what was typed", (_, field) => {
    const changed = field.write(pose, 0.75, UPRIGHT_FACING_CAMERA) as Pose;
    expect(field.read(changed, UPRIGHT_FACING_CAMERA)).toBeCloseTo(0.75, 6);
    for (const other of POSE_FIELDS)
      if (other !== field)
        expect(other.read(changed, UPRIGHT_FACING_CAMERA)).toBeCloseTo(
          other.read(pose, UPRIGHT_FACING_CAMERA),
          5,
        );
  });

  it("no size is none or less", () => {
    const size = POSE_FIELDS.find(({ name }) => name === "size");
    expect(size?.write(pose, 0, UPRIGHT_FACING_CAMERA)).toBeNull();
    expect(size?.write(pose, -1, UPRIGHT_FACING_CAMERA)).toBeNull();
  });
});
