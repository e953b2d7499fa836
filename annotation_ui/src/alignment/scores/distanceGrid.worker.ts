import { type DistanceGrid, distanceGrid } from "./distanceGrid";

/** A surface to measure from. */
export interface GridRequest {
  positions: Float32Array;
  index: Uint32Array;
}

addEventListener("message", ({ data: { positions, index } }: MessageEvent<GridRequest>) => {
  const grid: DistanceGrid = distanceGrid(positions, index);
  postMessage(grid, { transfer: [grid.distances.buffer] });
});
