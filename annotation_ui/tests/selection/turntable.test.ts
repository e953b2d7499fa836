import { PerspectiveCamera, Vector3 } from "three";
import { describe, expect, it } from "vitest";
import { Turntable } from "../../src/selection/scene/turntable";

function cameraOf(table: Turntable, aspect = 1): PerspectiveCamera {
  const camera = new PerspectiveCamera(28, aspect, 0.05, 30);
  table.apply(camera);
  camera.updateMatrixWorld();
  camera.updateProjectionMatrix();
  return camera;
}

describe("a turntable", () => {
  it("turns once in twelve seconds", () => {
    const table = new Turntable();
    const start = table.azimuth;
    table.spin(12);
    expect(table.azimuth).toBeCloseTo(start);
    table.spin(3);
    expect(table.azimuth).toBeCloseTo(start + Math.PI / 2);
  });

  it("keeps a whole shape in view at the start, in narrow and in wide places", () => {
    for (const aspect of [0.4, 1, 2.5]) {
      const camera = cameraOf(new Turntable(), aspect);
      for (const x of [-0.5, 0.5]) {
        for (const y of [-0.5, 0.5]) {
          const seen = new Vector3(x, y, 0).project(camera);
          expect(Math.max(Math.abs(seen.x), Math.abs(seen.y))).toBeLessThan(1);
        }
      }
    }
  });

  it("shows the right side of a shape when it is dragged to the left", () => {
    const table = new Turntable();
    table.azimuth = 0;
    table.drag(-100, 0);
    expect(cameraOf(table).position.x).toBeGreaterThan(0);
  });

  it("never tips over and never comes inside or out of sight", () => {
    const table = new Turntable();
    table.drag(0, 10_000);
    expect(table.elevation).toBeLessThan(Math.PI / 2);
    table.closer(1000);
    expect(table.zoom).toBe(6);
    table.closer(1e-6);
    expect(table.zoom).toBe(0.5);
    table.reset();
    expect(table.zoom).toBe(1);
  });
});
