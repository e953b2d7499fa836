import type { BufferGeometry } from "three";
import { type Pose, sizeOf } from "../pose/pose";
import type { Answer, Question, Surface } from "./points.worker";

/** Differences in proportion that no score shows. */
const SAME_PROPORTION = 1e-4;

/** What is measured: the shape, and a sample of M's points (xyz, camera frame). */
export interface Probed {
  readonly shape: BufferGeometry;
  readonly targetPoints: Float32Array;
}

/**
 * Measures how many of M's points lie near the posed surface, in a worker of its own: a grid of distances is computed
 * there once, and looked up for each pose. The grid belongs to the proportions of a pose: where its three scales differ,
 * the shape is stretched before it is measured.
 */
export class PointsMeter {
  #probed: Probed | null = null;
  #proportions: readonly number[] = [1, 1, 1];
  #worker: Worker | null = null;
  #ready = false;
  #lastQuestion = 0;
  readonly #waiting = new Map<number, (share: number | null) => void>();

  constructor(private readonly onReady: () => void) {}

  /** Share of the points within `tolerance` of the shape at `pose`, in [0, 1]; null while it cannot be known. */
  measure(probed: Probed, pose: Pose, tolerance: number): Promise<number | null> {
    const size = sizeOf(pose);
    const proportions = pose.scale.map((scale) => scale / size);
    const same =
      probed.shape === this.#probed?.shape &&
      proportions.every((one, axis) => Math.abs(one - (this.#proportions[axis] as number)) < SAME_PROPORTION);
    if (!same) this.#prepare(probed, proportions);
    if (!this.#ready) return Promise.resolve(null);
    this.#lastQuestion += 1;
    const id = this.#lastQuestion;
    this.#worker?.postMessage({ id, pose, tolerance } satisfies Question);
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Let go of the shape. What was asked stays unknown. */
  clear(): void {
    this.#worker?.terminate();
    [this.#worker, this.#probed, this.#ready] = [null, null, false];
    for (const resolve of this.#waiting.values()) resolve(null);
    this.#waiting.clear();
  }

  #prepare(probed: Probed, proportions: readonly number[]): void {
    this.clear();
    [this.#probed, this.#proportions] = [probed, proportions];
    const { shape, targetPoints } = probed;
    const positions = Float32Array.from(shape.getAttribute("position").array);
    for (let n = 0; n < positions.length; n += 1)
      positions[n] = (positions[n] as number) * (proportions[n % 3] as number);
    const index = shape.index
      ? Uint32Array.from(shape.index.array)
      : Uint32Array.from({ length: positions.length / 3 }, (_, n) => n);
    const points = targetPoints.slice();
    this.#worker = new Worker(new URL("./points.worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#heard(data);
    this.#worker.postMessage({ positions, index, points } satisfies Surface, [
      positions.buffer,
      index.buffer,
      points.buffer,
    ]);
  }

  #heard(answer: Answer): void {
    if (answer === "ready") {
      this.#ready = true;
      this.onReady();
      return;
    }
    this.#waiting.get(answer.id)?.(answer.share);
    this.#waiting.delete(answer.id);
  }
}
