import type { WebGLRenderer } from "three";
import { type Pose, sizeOf } from "../pose/pose";
import { PointsMeter } from "../scores/pointsMeter";
import { NO_SCORES, type Scores } from "../scores/scores";
import type { Assets } from "./assets";
import { depthsAround } from "./cameras";
import { SilhouetteMeter } from "./silhouetteMeter";

/** Keeps the scores of a moving shape up to date, a frame or two behind it, and measures any pose on request. */
export class Scorer {
  readonly #silhouette = new SilhouetteMeter();
  readonly #points = new PointsMeter(() => this.#again());
  #assets: Assets | null = null;
  #pose: Pose | null = null;
  #wanted = false;
  #measuring = false;

  constructor(
    private readonly renderer: WebGLRenderer,
    /** Tells the scores of a pose, and whether they are all that can be known of it. */
    private readonly onScores: (scores: Scores, pose: Pose, complete: boolean) => void,
  ) {}

  hold(assets: Assets | null): void {
    this.#assets = assets;
    this.#pose = null;
    this.#points.clear();
  }

  /** The shape is here now. */
  follow(pose: Pose): void {
    this.#pose = pose;
    this.#wanted = true;
    if (!this.#measuring) void this.#score();
  }

  /** Both scores of any pose; null where one cannot be had (yet). */
  async measure(pose: Pose): Promise<Scores> {
    const assets = this.#assets;
    if (!assets) return NO_SCORES;
    const { mask, shape, bounds, targetBox, task } = assets;
    const measured = { intrinsics: task.point_map.intrinsics, targetBox, mask, shape, bounds };
    const depths = depthsAround([0, 0, 0], pose.translation, sizeOf(pose));
    const tolerance = task.inlier_tolerance;
    const [silhouetteIou, inlierShare] = await Promise.all([
      this.#silhouette.measure(this.renderer, measured, pose, depths),
      tolerance === null ? null : this.#points.measure(assets, pose, tolerance),
    ]);
    return { silhouetteIou, inlierShare };
  }

  dispose(): void {
    this.hold(null);
    this.#silhouette.dispose();
  }

  #again(): void {
    if (this.#pose) this.follow(this.#pose);
  }

  async #score(): Promise<void> {
    this.#measuring = true;
    while (this.#pose && this.#assets) {
      const [assets, pose] = [this.#assets, this.#pose];
      this.#wanted = false;
      const scores = await this.measure(pose);
      if (this.#assets !== assets) continue;
      const pointless = assets.task.inlier_tolerance === null;
      this.onScores(
        scores,
        pose,
        scores.silhouetteIou !== null && (pointless || scores.inlierShare !== null),
      );
      if (!this.#wanted) break;
    }
    this.#measuring = false;
  }
}
