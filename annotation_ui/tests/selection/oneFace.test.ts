import { BoxGeometry, Group, Mesh } from "three";
import { expect, it } from "vitest";
import { drawOneFace } from "../../src/selection/scene/oneFace";

it("cuts every mesh down to one face while it draws, and leaves them as they were", () => {
  const whole = new Mesh(new BoxGeometry());
  const part = new Mesh(new BoxGeometry());
  part.geometry.setDrawRange(6, 12);
  const object = new Group().add(whole, new Group().add(part));
  const ranges = () => [whole, part].map(({ geometry }) => ({ ...geometry.drawRange }));
  const before = ranges();
  let drawn: unknown;
  drawOneFace(object, () => {
    drawn = ranges();
  });
  expect(drawn).toEqual([
    { start: 0, count: 3 },
    { start: 6, count: 3 },
  ]);
  expect(ranges()).toEqual(before);
});
