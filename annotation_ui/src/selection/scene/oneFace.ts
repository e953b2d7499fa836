import { Mesh, type Object3D } from "three";

const CORNERS = 3;

/** Call `draw` while every mesh of `object` is cut down to one face: all of it goes to the graphics card, hardly any is drawn. */
export function drawOneFace(object: Object3D, draw: () => void): void {
  const before: [Mesh, number, number][] = [];
  object.traverse((node) => {
    if (!(node instanceof Mesh)) return;
    const { start, count } = node.geometry.drawRange;
    before.push([node, start, count]);
    node.geometry.setDrawRange(start, Math.min(count, CORNERS));
  });
  draw();
  for (const [{ geometry }, start, count] of before) geometry.setDrawRange(start, count);
}
