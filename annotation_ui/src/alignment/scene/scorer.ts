import type { WebGLRenderer } from "three";
import { type Pose, sizeOf } from "../pose/pose";
import { Grids } from "../scores/grids";
import { inlierShare } from "../scores/inliers";
import { NO_SCORES, type Scores } from "../scores/scores";
import type { Assets } from "./assets";
import { depthsAround } from "./cameras";
import { SilhouetteMeter } from "./silhouetteMeter";

/** Keeps the scores of a moving shape up to date, a frame or two behind it, and measures any pose on request. */
export class Scorer {
  readonly #meter = new SilhouetteMeter();
  readonly #grids = new Grids(() => this.#again());
  #assets: Assets | null = null;
  #pose: Pose | null = null;
  #measuring = false;

  constructor(
    private readonly renderer: WebGLRenderer,
    /** Tells the scores of a pose, and whether they are all that can be known of it. */
    private readonly onScores: (scores: Scores, pose: Pose, complete: boolean) => void,
  ) {}

  hold(assets: Assets | null): void {
    this.#assets = assets;
    this.#pose = null;
    this.#grids.clear();
  }

  /** The shape is here now. */
  follow(pose: Pose): void {
    this.#pose = pose;
    if (!this.#measuring) void this.#score();
  }

  /** Both scores of any pose; null where one cannot be had (yet). */
  async measure(pose: Pose): Promise<Scores> {
    const assets = this.#assets;
    if (!assets) return NO_SCORES;
    const { mask, shape, bounds, targetBox, task } = assets;
    const measured = { intrinsics: task.point_map.intrinsics, targetBox, mask, shape, bounds };
    const depths = depthsAround([0, 0, 0], pose.translation, sizeOf(pose));
    const silhouetteIou = await this.#meter.measure(this.renderer, measured, pose, depths);
    return { silhouetteIou, inlierShare: this.#assets === assets ? this.#inliers(assets, pose) : null };
  }

  dispose(): void {
    this.hold(null);
    this.#meter.dispose();
  }

  #again(): void {
    if (this.#pose) this.follow(this.#pose);
  }

  async #score(): Promise<void> {
    this.#measuring = true;
    while (this.#pose && this.#assets) {
      const [assets, pose] = [this.#assets, this.#pose];
      const scores = await this.measure(pose);
      if (this.#assets !== assets) continue;
      const pointless = assets.task.inlier_tolerance === null;
      this.onScores(
        scores,
        pose,
        scores.silhouetteIou !== null && (pointless || scores.inlierShare !== null),
      );
      if (this.#pose === pose) break;
    }
    this.#measuring = false;
  }

  #inliers({ task, shape, targetPoints }: Assets, pose: Pose): number | null {
    if (task.inlier_tolerance === null) return null;
    const grid = this.#grids.gridFor(shape, pose);
    return grid && inlierShare(targetPoints, pose, grid, task.inlier_tolerance);
  }
}
