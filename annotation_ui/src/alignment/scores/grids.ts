import type { BufferGeometry } from "three";
import type { Pose } from "../pose/pose";
import { sizeOf } from "../pose/pose";
import type { DistanceGrid } from "./distanceGrid";
import type { GridRequest } from "./distanceGrid.worker";

/** Differences in proportion that no score shows. */
const SAME_PROPORTION = 1e-4;

/**
 * The distance grid of the shape in work, computed aside. It belongs to the proportions of a pose: where its three scales
 * differ, the shape is stretched before it is measured.
 */
export class Grids {
  #shape: BufferGeometry | null = null;
  #proportions: readonly number[] = [1, 1, 1];
  #grid: DistanceGrid | null = null;
  #worker: Worker | null = null;

  constructor(private readonly onChange: () => void) {}

  /** The grid for this shape and pose; null while it is computed. */
  gridFor(shape: BufferGeometry, pose: Pose): DistanceGrid | null {
    const size = sizeOf(pose);
    const proportions = pose.scale.map((scale) => scale / size);
    const same =
      shape === this.#shape &&
      proportions.every((one, axis) => Math.abs(one - (this.#proportions[axis] as number)) < SAME_PROPORTION);
    if (!same) this.#compute(shape, proportions);
    return this.#grid;
  }

  /** Let go of the shape. */
  clear(): void {
    this.#worker?.terminate();
    [this.#worker, this.#shape, this.#grid] = [null, null, null];
  }

  #compute(shape: BufferGeometry, proportions: readonly number[]): void {
    this.clear();
    [this.#shape, this.#proportions] = [shape, proportions];
    const positions = Float32Array.from(shape.getAttribute("position").array);
    for (let n = 0; n < positions.length; n += 1)
      positions[n] = (positions[n] as number) * (proportions[n % 3] as number);
    const index = shape.index
      ? Uint32Array.from(shape.index.array)
      : Uint32Array.from({ length: positions.length / 3 }, (_, n) => n);
    this.#worker = new Worker(new URL("./distanceGrid.worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<DistanceGrid>) => {
      this.#worker?.terminate();
      this.#worker = null;
      this.#grid = data;
      this.onChange();
    };
    this.#worker.postMessage({ positions, index } satisfies GridRequest, [positions.buffer, index.buffer]);
  }
}
