import type { AlignmentTask } from "../../api/alignments";
import { uprightOn } from "../pose/angles";
import type { Axes } from "../pose/axes";
import { dollied, type Plane } from "../pose/edits";
import { type Pose, type Quaternion, samePose, sizeOf } from "../pose/pose";
import type { Vec3 } from "../pose/vectors";
import { NO_SCORES, type Scores } from "../scores/scores";
import type { EditKind } from "../task/alignmentState";
import type { Modifiers, Tool } from "../tools/gesture";
import { Grasp, type Graspable } from "../tools/grasp";
import { type Touched, watchHands } from "../tools/hands";
import { Wheel } from "../tools/wheel";
import type { Assets } from "./assets";
import { axesIn, ballToSee, groundOf, poseToBegin, worldAxes } from "./bearings";
import { type Display, FIRST_DISPLAY } from "./display";
import { Eyes, type Place } from "./eyes";
import { Layout } from "./layout";
import { Loading } from "./loading";
import type { ViewName } from "./orbit";
import { Painter } from "./painter";
import { picking } from "./picking";
import { Scorer } from "./scorer";
import { Showcase, type StageState } from "./stageState";

export interface StageOptions {
  canvas: HTMLCanvasElement;
  /** The elements that the canvas lies behind. */
  places: Record<Place, HTMLElement>;
  /** A drag, or a turn of the wheel, has come to its end. */
  onPlace: (pose: Pose, kind: EditKind) => void;
  /** The task does not say where to begin: here. */
  onBegin: (pose: Pose) => void;
}

const ZOOM_PER_NOTCH = 1.0015;
const DOLLY_PER_NOTCH = 1.0006;
/** Longer than it takes to press a key twice, shorter than it takes to judge a pose. */
const MOMENT_MS = 600;
const STEPS_ACROSS = 20;

/**
 * The two views on one canvas, and the hands in them. It draws only when something changed. The desk owns the pose; the
 * stage is ahead of it only while the person holds the object.
 */
export class Stage {
  readonly #options: StageOptions;
  readonly #layout: Layout;
  readonly #painter: Painter;
  readonly #loading = new Loading(() => this.#update());
  readonly #scorer: Scorer;
  readonly #eyes: Eyes;
  readonly #grasp = new Grasp(this.#graspable());
  readonly #wheel = new Wheel(() => this.#wheelEnds());
  readonly #showcase = new Showcase();
  readonly #leave = new AbortController();
  readonly #resizes: ResizeObserver;
  #task: AlignmentTask | null = null;
  #assets: Assets | null = null;
  #display: Display = FIRST_DISPLAY;
  #frame = 0;
  #seeing: ReturnType<typeof setTimeout> | undefined;

  constructor(options: StageOptions) {
    this.#options = options;
    const { canvas, places } = options;
    this.#layout = new Layout(canvas, places);
    this.#eyes = new Eyes(this.#layout);
    this.#painter = new Painter(canvas, this.#layout, this.#eyes);
    this.#scorer = new Scorer(this.#painter.renderer, (...told) => this.#scored(...told));
    this.#resizes = new ResizeObserver(() => this.#resize());
    for (const element of [canvas, places.scene, places.photograph]) this.#resizes.observe(element);
    const { signal } = this.#leave;
    canvas.addEventListener("webglcontextlost", () => this.#interrupt(), { signal });
    canvas.addEventListener("webglcontextrestored", () => this.#resume(), { signal });
    document.addEventListener("visibilitychange", () => this.#draw(), { signal });
    watchHands(places.scene, this.#hands("scene"), signal);
    watchHands(places.photograph, this.#hands("photograph"), signal);
    this.#resize();
  }

  readonly state = this.#showcase.now;
  readonly subscribe = this.#showcase.subscribe;

  /** Load these tasks, first ones first; what else was loaded is let go. */
  want(tasks: readonly AlignmentTask[]): void {
    if (this.#assets && !tasks.some(({ work_item }) => work_item === this.#assets?.task.work_item))
      this.#hold(null, null);
    this.#loading.want(tasks);
    this.#update();
  }

  /** Put a task on the stage as soon as all of it is there. The view starts anew with each. */
  show(task: AlignmentTask | null, pose: Pose | null): void {
    if (task?.work_item !== this.#task?.work_item) {
      this.#task = task;
      this.#hold(null, pose);
    }
    this.#setPose(pose);
    this.#update();
  }

  retry(): void {
    if (this.#task) this.#loading.retry(this.#task);
  }

  setDisplay(display: Display): void {
    const { tool, axis } = this.#display;
    this.#display = display;
    this.#eyes.close = display.close;
    if (display.tool !== tool || display.axis !== axis) this.#grasp.renew();
    this.#draw();
  }

  /** Whether the object follows the pointer without a button. */
  get following(): boolean {
    return this.#grasp.loosely;
  }

  /** Have the object follow the pointer with a tool, from where it is now, until it is put down. */
  follow(tool: Tool): void {
    if (this.#state.interrupted) return;
    this.#display = { ...this.#display, tool, axis: null };
    this.#grasp.follow();
    this.#draw();
  }

  /** What is in the hand, or still rolling from a wheel, counts as done. */
  settle(): void {
    if (this.#grasp.holding) this.#grasp.drop();
    this.#wheel.settle();
  }

  /** Put down what is held: here, or where it was taken. */
  putDown({ back }: { back: boolean }): void {
    if (back) this.#grasp.cancel();
    else this.#grasp.drop();
    this.#draw();
  }

  /** The ground under the object, if the scene shows one. */
  get ground(): Plane | null {
    return groundOf(this.#task);
  }

  /** The rotation of an object that stands on the ground (if there is one) and faces the camera. */
  get upright(): Quaternion {
    return uprightOn(worldAxes(this.#task));
  }

  /** Corners of the shape, in the object frame. */
  *corners(): Iterable<Vec3> {
    const position = this.#assets?.shape.getAttribute("position");
    for (let n = 0; n < (position?.count ?? 0); n += 1)
      if (position) yield [position.getX(n), position.getY(n), position.getZ(n)];
  }

  /** Directions in which nudges, handles and quarter turns work now. */
  axes(place: Place = "scene"): Axes {
    return axesIn(this.#display.frame, this.#task, this.#state.pose, this.#eyes.viewOf(place));
  }

  /** One step of a move, in the unit of the point map. */
  get moveStep(): number {
    return this.#state.pose ? sizeOf(this.#state.pose) / STEPS_ACROSS : 1;
  }

  look(name: ViewName): void {
    const { centre, radius } = ballToSee(this.#state.pose, this.#assets);
    this.#eyes.orbit.show(name, centre, radius);
    this.#looked();
  }

  fit(): void {
    const { centre, radius } = ballToSee(this.#state.pose, this.#assets);
    this.#eyes.orbit.fit(centre, radius);
    this.#looked();
  }

  turnView(heading: number, elevation: number): void {
    this.#eyes.orbit.turn(heading, elevation);
    this.#looked();
  }

  closer(factor: number): void {
    this.#eyes.orbit.closer(factor);
    this.#looked();
  }

  /** Both scores of any pose; null where one cannot be had (yet). */
  measure(pose: Pose): Promise<Scores> {
    return this.#scorer.measure(pose);
  }

  /** What the photograph looks like with the mesh at a pose. */
  async picture(pose: Pose, size: { width: number; height: number }): Promise<ImageData | null> {
    return this.#assets && this.#painter.thumbnail(this.#assets, pose, this.#display, size);
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#wheel.stop();
    clearTimeout(this.#seeing);
    this.#leave.abort();
    this.#resizes.disconnect();
    this.#loading.dispose();
    this.#scorer.dispose();
    this.#painter.dispose();
  }

  /** What is wanted, and there by now. */
  #update(): void {
    const workItem = this.#task?.work_item ?? "";
    const problem = this.#loading.problemOf(workItem)?.message ?? null;
    if (problem !== this.#state.problem) this.#set({ problem });
    const assets = this.#loading.assetsOf(workItem);
    if (assets === this.#assets) return;
    const pose = this.#state.pose ?? (assets && poseToBegin(assets));
    const begins = assets !== null && this.#state.pose === null;
    this.#hold(assets, pose);
    if (begins && pose) this.#options.onBegin(pose);
  }

  #hold(assets: Assets | null, pose: Pose | null): void {
    this.#grasp.forget();
    this.#assets = assets;
    clearTimeout(this.#seeing);
    this.#seeing = undefined;
    this.#scorer.hold(assets);
    this.#eyes.hold(assets && subjectOf(assets));
    this.#painter.hold(assets, pose);
    const shown = assets?.task.work_item ?? null;
    this.#set({ shown, seen: false, pose, scores: NO_SCORES, firstScores: NO_SCORES });
    this.#eyes.orbit.stand(worldAxes(this.#task));
    this.look("start");
    this.#changedPose();
  }

  /** The pose as the desk has it. What is in the hand is let go of. */
  #setPose(pose: Pose | null): void {
    const shown = this.#state.pose;
    if (pose === shown || (pose && shown && samePose(pose, shown))) return;
    this.#grasp.forget();
    this.#set({ pose, scored: false });
    this.#changedPose();
  }

  #hands(place: Place): Touched {
    const draws = <T>(result: T): T => {
      this.#options.places.scene.style.cursor = this.#grasp.handle === null ? "" : "grab";
      this.#draw();
      return result;
    };
    return {
      grip: (at) => draws(!this.#state.interrupted && this.#grasp.grip(place, at)),
      move: (at, modifiers) => {
        const before = this.#grasp.handle;
        this.#grasp.move(place, at, modifiers);
        if (this.#grasp.handle !== before) draws(null);
      },
      drop: () => draws(this.#grasp.drop()),
      leave: () => draws(this.#grasp.leave()),
      look: (dx, dy, how) => {
        if (place === "photograph") return;
        if (how === "turn") this.#eyes.orbit.drag(dx, dy);
        else this.#eyes.orbit.pan(dx, dy, this.#eyes.viewOf("scene"));
        this.#looked();
      },
      wheel: (delta, modifiers) => this.#turnWheel(place, delta, modifiers),
    };
  }

  /** The object as hands find it. */
  #graspable(): Graspable {
    return {
      pose: () => (this.#assets ? this.#state.pose : null),
      view: (place) => this.#eyes.viewOf(place),
      axes: (place) => this.axes(place),
      moveStep: () => this.moveStep,
      held: () => {
        const { tool, axis, controls, steps } = this.#display;
        return { tool, axis, handles: controls, steps };
      },
      covers: (at) => {
        const { pose } = this.#state;
        if (!pose || !this.#assets || !this.#display.mesh) return false;
        return picking(this.#assets.shape, pose, this.#eyes.viewOf("scene"), at);
      },
      show: (pose) => this.#show(pose),
      place: (pose) => this.#options.onPlace(pose, "drag"),
    };
  }

  /** Over the photograph: farther or nearer with the outline kept. Over the scene: closer with the eye. */
  #turnWheel(place: Place, delta: number, { fine }: Modifiers): void {
    const { pose } = this.#state;
    const notches = delta * (fine ? 0.2 : 1);
    if (place === "scene") this.closer(ZOOM_PER_NOTCH ** -notches);
    if (place === "scene" || !pose || this.#grasp.holding) return;
    this.#show(dollied(pose, DOLLY_PER_NOTCH ** notches));
    this.#wheel.turned();
  }

  #wheelEnds(): void {
    if (this.#state.pose) this.#options.onPlace(this.#state.pose, "drag");
  }

  #show(pose: Pose): void {
    this.#set({ pose, scored: false });
    this.#changedPose();
  }

  #changedPose(): void {
    if (this.#state.scored) this.#set({ scored: false });
    this.#draw();
    if (this.#state.pose) this.#scorer.follow(this.#state.pose);
  }

  /** The scores of a pose are known; it may not be on the screen any more. */
  #scored(scores: Scores, pose: Pose, complete: boolean): void {
    const first = complete && this.#state.firstScores.silhouetteIou === null;
    const scored = complete && this.#state.pose === pose;
    this.#set({ scores, scored, ...(first && { firstScores: scores }) });
  }

  #looked(): void {
    const { throughInput } = this.#eyes.orbit;
    if (throughInput !== this.#state.throughInput) this.#set({ throughInput });
    this.#draw();
  }

  /** The card is gone: the object stays where it was dragged to. */
  #interrupt(): void {
    this.#grasp.drop();
    this.#set({ interrupted: true });
  }

  #resume(): void {
    this.#set({ interrupted: false });
    this.#changedPose();
  }

  get #state(): StageState {
    return this.#showcase.now();
  }

  #set(change: Partial<StageState>): void {
    this.#showcase.set(change);
  }

  #resize(): void {
    this.#layout.measure();
    this.#painter.resize();
    this.#drawNow(); // in the same frame, or the canvas would flash empty
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#drawNow());
  }

  #drawNow(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const [assets, { pose, interrupted }] = [this.#assets, this.#state];
    if (interrupted || document.hidden) return;
    const [display, ball] = [this.#display, ballToSee(this.#state.pose, this.#assets)];
    const drawn = assets && pose;
    this.#painter.paint(
      drawn && { assets, pose, display, axes: this.axes(), handle: this.#grasp.handle, ball },
    );
    if (drawn) this.#seeing ??= setTimeout(() => this.#set({ seen: true }), MOMENT_MS);
  }
}

function subjectOf({ task, targetBox }: Assets) {
  return { intrinsics: task.point_map.intrinsics, targetBox };
}
