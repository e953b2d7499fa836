import { type Material, WebGLRenderer } from "three";
import { drawsInSoftware } from "../../shell/graphics";
import { shown } from "../../work/marks";
import type { Exhibit } from "./exhibit";
import { type ExhibitState, Exhibits } from "./exhibits";
import type { Hall, Scheme } from "./hall";
import type { Wanted } from "./loadExhibit";
import { drawOneFace } from "./oneFace";
import { Room } from "./room";
import { Turntable } from "./turntable";

/** One place on the stage: the element that it fills, and the shape in it. */
export interface Place {
  element: HTMLElement;
  shape: string;
}

/** What the page shows around the canvas; a new object with every change. */
export interface StageState {
  /** All shapes on show are there, or failed: they appear together. */
  readonly revealed: boolean;
  readonly failed: readonly string[];
  readonly rotating: boolean;
  readonly linked: boolean;
  /** The graphics card took the canvas away; it comes back by itself. */
  readonly interrupted: boolean;
}

const LONGEST_FRAME_SECONDS = 0.1;
const SHARPEST = 2;
/** A shape that was turned by hand stands still for so long before its table goes on. */
const STILL_MS = 4_000;

interface Options {
  load: (wanted: Wanted, signal: AbortSignal, clay: Material) => Promise<Exhibit>;
  /** A candidate could not be shown. */
  onFailed: (shape: string) => void;
  rotating: boolean;
}

/** One WebGL canvas with a turntable in each of its places. Draws only while something moves or changes. */
export class Stage {
  readonly #canvas: HTMLCanvasElement;
  readonly #renderer: WebGLRenderer;
  readonly #room = new Room();
  readonly #sample = this.#room.sample();
  readonly #exhibits: Exhibits;
  /** By place, for exhibits that cannot stand in the room. */
  readonly #ownHalls = new Map<number, Hall>();
  readonly #turntables = [new Turntable(), new Turntable()] as const;
  readonly #listeners = new Set<() => void>();
  readonly #resizes: ResizeObserver;
  readonly #leave = new AbortController();
  /** Loaded, and not yet on the graphics card. */
  readonly #cold = new Set<Exhibit>();
  #places: readonly Place[] = [];
  #dragging = false;
  #stillUntil = 0;
  #scheme: Scheme = "dark";
  #announced = "";
  #frame = 0;
  #lastFrameAt = 0;
  #state: StageState;

  constructor(canvas: HTMLCanvasElement, { load, onFailed, rotating }: Options) {
    this.#canvas = canvas;
    this.#renderer = new WebGLRenderer({ canvas, antialias: !drawsInSoftware(), alpha: true });
    this.#renderer.setScissorTest(true);
    this.#exhibits = new Exhibits({
      load: async (wanted, signal) => this.#compiled(await load(wanted, signal, this.#room.clay)),
      onChange: () => this.#update(),
      onFailed,
    });
    this.#state = { revealed: false, failed: [], rotating, linked: true, interrupted: false };
    this.#resizes = new ResizeObserver(() => this.#resize());
    this.#resizes.observe(canvas);
    const { signal } = this.#leave;
    canvas.addEventListener("webglcontextlost", () => this.#set({ interrupted: true }), { signal });
    canvas.addEventListener("webglcontextrestored", () => this.#set({ interrupted: false }), { signal });
    document.addEventListener("visibilitychange", () => this.#draw(), { signal });
    this.#resize();
    void this.#compiled(this.#sample);
  }

  readonly state = (): StageState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Load these shapes ahead, first ones first. */
  want(wanted: readonly Wanted[]): void {
    this.#exhibits.want(wanted);
    this.#update();
  }

  /** Put shapes in their places, all at once. */
  show(places: readonly Place[]): void {
    const before = this.#shapes();
    this.#places = places;
    if (this.#shapes() !== before) {
      this.#stillUntil = 0;
      if (!this.#state.linked) this.startView(); // both sides from the same side again
    }
    for (const { element } of places) this.#resizes.observe(element);
    this.#update();
  }

  stateOf(shape: string): ExhibitState {
    return this.#exhibits.stateOf(shape);
  }

  retry(shape: string): void {
    this.#exhibits.retry(shape);
  }

  look(scheme: Scheme): void {
    this.#scheme = scheme;
    for (const hall of [this.#room, ...this.#ownHalls.values()]) hall.look(scheme);
    this.#draw();
  }

  setRotating(rotating: boolean): void {
    this.#set({ rotating });
  }

  setLinked(linked: boolean): void {
    this.#turntables[1].copy(this.#turntables[0]);
    this.#set({ linked });
  }

  startView(): void {
    for (const turntable of this.#turntables) turntable.reset();
    this.#draw();
  }

  turn(azimuth: number, elevation: number): void {
    for (const turntable of this.#turntables) turntable.turn(azimuth, elevation);
    this.#standStill();
  }

  closer(factor: number, place: number | null = null): void {
    for (const turntable of this.#moved(place)) turntable.closer(factor);
    this.#draw();
  }

  /** Follow a pointer over a place. The tables stand still meanwhile. */
  drag(place: number, dx: number, dy: number): void {
    for (const turntable of this.#moved(place)) turntable.drag(dx, dy);
    this.#draw();
  }

  setDragging(dragging: boolean): void {
    this.#dragging = dragging;
    this.#standStill();
  }

  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#leave.abort();
    this.#resizes.disconnect();
    this.#exhibits.dispose();
    this.#sample.dispose();
    for (const hall of [this.#room, ...this.#ownHalls.values()]) hall.dispose();
    this.#renderer.dispose();
  }

  #standStill(): void {
    this.#stillUntil = performance.now() + STILL_MS;
    this.#draw();
  }

  /** The turntables that move with one place; with null all. */
  #moved(place: number | null): readonly Turntable[] {
    const turntable = place === null || this.#state.linked ? undefined : this.#turntables[place];
    return turntable ? [turntable] : this.#turntables;
  }

  #update(): void {
    const states = this.#places.map(({ shape }) => this.#exhibits.stateOf(shape));
    const revealed = states.length > 0 && states.every((state) => state !== "loading");
    const failed = this.#places.map(({ shape }) => shape).filter((_, index) => states[index] === "failed");
    if (revealed !== this.#state.revealed || failed.join() !== this.#state.failed.join()) {
      this.#set({ revealed, failed });
    }
    this.#draw();
  }

  #set(change: Partial<StageState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
    this.#draw();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#renderer.setPixelRatio(Math.min(window.devicePixelRatio, SHARPEST));
    this.#renderer.setSize(clientWidth, clientHeight, false);
    this.#drawNow(performance.now()); // in the same frame, or the canvas would flash empty
  }

  #draw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#drawNow(now));
  }

  #drawNow(now: number): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const seconds = Math.min((now - this.#lastFrameAt) / 1000, LONGEST_FRAME_SECONDS);
    this.#lastFrameAt = now;
    const { rotating, revealed, interrupted } = this.#state;
    if (interrupted || document.hidden) return;
    const spinning = rotating && revealed && !this.#dragging;
    if (spinning && now >= this.#stillUntil)
      for (const turntable of this.#turntables) turntable.spin(Math.max(0, seconds));
    this.#warmOne();
    this.#renderer.setClearColor(0, 0); // a new context starts opaque
    this.#renderer.setScissor(0, 0, this.#canvas.clientWidth, this.#canvas.clientHeight);
    this.#renderer.clear();
    if (revealed) this.#drawPlaces();
    const { memory, programs } = this.#renderer.info;
    Object.assign(this.#canvas.dataset, {
      shown: revealed ? this.#places.map(({ shape }) => shape).join(" ") : "",
      waiting: String(this.#exhibits.waiting),
      geometries: String(memory.geometries),
      textures: String(memory.textures),
      programs: String(programs?.length ?? 0),
    });
    this.#announce();
    if (spinning || this.#cold.size > 0) this.#draw();
  }

  /** Have its shaders compiled while nothing waits for them. */
  async #compiled(exhibit: Exhibit): Promise<Exhibit> {
    if (exhibit.ownHall || this.#leave.signal.aborted) return exhibit;
    await this.#renderer.compileAsync(exhibit.object, this.#room.camera, this.#room.scene);
    if (this.#leave.signal.aborted) return exhibit;
    const compiled: Exhibit = {
      ...exhibit,
      dispose: () => {
        this.#cold.delete(compiled);
        exhibit.dispose();
      },
    };
    this.#cold.add(compiled);
    this.#draw();
    return compiled;
  }

  /** Bring one shape that nobody sees yet to the graphics card, so that the frame that shows it has only to draw it. */
  #warmOne(): void {
    if (this.#state.revealed && this.#announced !== this.#shapes()) return; // somebody waits for this frame
    const [exhibit] = this.#cold;
    if (exhibit === undefined) return;
    this.#cold.delete(exhibit);
    this.#renderer.setViewport(0, 0, 1, 1);
    this.#renderer.setScissor(0, 0, 1, 1);
    this.#room.place(exhibit);
    drawOneFace(exhibit.object, () => this.#renderer.render(this.#room.scene, this.#room.camera));
    this.#room.place(null);
  }

  /** Say once that what is wanted is on screen, for those who measure how long it took. */
  #announce(): void {
    const places = this.#state.revealed ? this.#shapes() : "";
    if (places === this.#announced) return;
    this.#announced = places;
    if (places) shown();
  }

  #shapes(): string {
    return this.#places.map(({ shape }) => shape).join();
  }

  #drawPlaces(): void {
    const canvas = this.#canvas.getBoundingClientRect();
    const used = new Set<Hall>();
    this.#places.forEach(({ element, shape }, index) => {
      const box = element.getBoundingClientRect();
      const [left, bottom] = [box.left - canvas.left, canvas.bottom - box.bottom];
      if (box.width === 0 || box.height === 0) return;
      this.#renderer.setViewport(left, bottom, box.width, box.height);
      this.#renderer.setScissor(left, bottom, box.width, box.height);
      const exhibit = this.#exhibits.get(shape);
      const hall = this.#hallOf(exhibit, index);
      hall.camera.aspect = box.width / box.height;
      hall.camera.updateProjectionMatrix();
      this.#turntables[this.#state.linked ? 0 : index]?.apply(hall.camera);
      const pixelRatio = this.#renderer.getPixelRatio();
      hall.sized(box.width * pixelRatio, box.height * pixelRatio);
      hall.place(exhibit);
      used.add(hall);
      this.#renderer.render(hall.scene, hall.camera);
    });
    this.#room.place(null); // hold nothing that may be disposed of
    for (const hall of this.#ownHalls.values()) if (!used.has(hall)) hall.place(null);
  }

  #hallOf(exhibit: Exhibit | null, place: number): Hall {
    if (!exhibit?.ownHall) return this.#room;
    const hall = this.#ownHalls.get(place) ?? exhibit.ownHall(this.#renderer, () => this.#draw());
    if (!this.#ownHalls.has(place)) hall.look(this.#scheme);
    this.#ownHalls.set(place, hall);
    return hall;
  }
}
