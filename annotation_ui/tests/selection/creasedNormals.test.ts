import { describe, expect, it } from "vitest";
import { creasedNormals } from "../../src/selection/scene/creasedNormals";

// Two triangles that share the edge from (0,0,0) to (0,1,0); the second is folded up by `angle`.
function fold(angle: number) {
  const positions = [0, 0, 0, 0, 1, 0, -1, 0, 0, Math.cos(angle), 0, Math.sin(angle)];
  return { positions, index: [0, 1, 2, 0, 3, 1] };
}

describe("creased normals", () => {
  it("are smooth over a flat edge and sharp over a right angle", () => {
    const slight = fold(0.3);
    const smooth = creasedNormals(slight.positions, slight.index, 0.7).normals;
    expect(smooth.slice(0, 3)).toEqual(smooth.slice(9, 12)); // the same vertex, in both faces
    const steep = fold(Math.PI / 2);
    const sharp = creasedNormals(steep.positions, steep.index, 0.7).normals;
    expect([...sharp.slice(0, 3)]).toEqual([0, 0, 1]);
    expect(sharp[9]).toBeCloseTo(-1);
    expect(sharp[11]).toBeCloseTo(0);
  });

  it("keep every corner where it was, and have length one", () => {
    const { positions, index } = fold(0.3);
    const corners = creasedNormals(positions, index, 0.7);
    index.forEach((vertex, corner) => {
      for (const axis of [0, 1, 2]) {
        expect(corners.positions[corner * 3 + axis]).toBeCloseTo(positions[vertex * 3 + axis] ?? Number.NaN);
      }
      expect(Math.hypot(...corners.normals.slice(corner * 3, corner * 3 + 3))).toBeCloseTo(1);
    });
  });

  it("survive a face without area", () => {
    const { normals } = creasedNormals([0, 0, 0, 1, 0, 0, 2, 0, 0], [0, 1, 2], 0.7);
    expect([...normals].every((value) => Number.isFinite(value))).toBe(true);
  });
});
