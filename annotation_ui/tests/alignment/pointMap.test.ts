import { describe, expect, it } from "vitest";
import {
  medianDepth,
  PointMapUnreadable,
  pointsOfTarget,
  readPointMap,
} from "../../src/alignment/points/pointMap";

/** Three points as the server packs them: the second and third belong to M. */
function packed(): ArrayBuffer {
  const buffer = new ArrayBuffer(36 + 20 + 12);
  const view = new DataView(buffer);
  new Uint8Array(buffer).set([0x4c, 0x50, 0x4d, 0x31]);
  view.setUint32(4, 3, true);
  view.setUint32(8, 2, true);
  for (const [n, value] of [-1, 0, 2, 0.5, 0.25, 1].entries()) view.setFloat32(12 + 4 * n, value, true);
  for (const [n, value] of [0, 0, 0, 1, 2, 3, 65535, 0, 7].entries()) view.setUint16(36 + 2 * n, value, true);
  new Uint8Array(buffer, 56).set([10, 20, 30, 0, 40, 50, 60, 1, 70, 80, 90, 1]);
  return buffer;
}

describe("a point map", () => {
  it("is looked at where it lies", () => {
    const buffer = packed();
    const map = readPointMap(buffer);
    expect(map.count).toBe(3);
    expect(map.positions.buffer).toBe(buffer);
    expect([...map.colours.subarray(4, 8)]).toEqual([40, 50, 60, 1]);
  });

  it("gives the target's points in the camera frame", () =>
    expect([...pointsOfTarget(readPointMap(packed()))]).toEqual([-0.5, 0.5, 5, 32766.5, 0, 9]));

  it("knows its median depth", () => expect(medianDepth(readPointMap(packed()))).toBe(5));

  it("without points has none", () => {
    const empty = packed().slice(0, 36);
    new DataView(empty).setUint32(4, 0, true);
    expect(medianDepth(readPointMap(empty))).toBeNull();
    expect(pointsOfTarget(readPointMap(empty))).toHaveLength(0);
  });

  it.each([
    ["cut off", packed().slice(0, 60)],
    ["too short for its head", packed().slice(0, 20)],
    ["something else", new TextEncoder().encode("<!doctype html><html><head></head></html>").buffer],
  ])("that is %s is refused", (_, buffer) =>
    expect(() => readPointMap(buffer as ArrayBuffer)).toThrow(PointMapUnreadable),
  );
});
