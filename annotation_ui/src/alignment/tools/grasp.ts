import type { Axes } from "../pose/axes";
import type { Pixel, View } from "../pose/pinhole";
import type { Pose } from "../pose/pose";
import type { Place } from "../scene/eyes";
import { Gesture, type Handle, type Modifiers, type Tool } from "./gesture";
import { handleAt } from "./handles";

/** What hands can take hold of, as it stands. */
export interface Graspable {
  pose(): Pose | null;
  view(place: Place): View;
  axes(place: Place): Axes;
  moveStep(): number;
  held(): { tool: Tool; axis: 0 | 1 | 2 | null; handles: boolean; steps: boolean };
  /** Whether a pixel of the scene lies on the object. */
  covers(at: Pixel): boolean;
  /** The object is here now. */
  show(pose: Pose): void;
  /** It was let go of here. */
  place(pose: Pose): void;
}

const FREELY: Modifiers = { fine: false, steps: false };

interface Held {
  readonly place: Place;
  readonly handle: Handle;
  readonly start: { readonly pose: Pose; readonly pointer: Pixel };
  /** Held without a button, until a click. */
  readonly loosely: boolean;
  readonly gesture: Gesture;
  last: { readonly pointer: Pixel; readonly modifiers: Modifiers };
}

/** A hand that holds the object, or only points. Its gestures begin, follow, end, or are called off. */
export class Grasp {
  /** The handle under the pointer, or in the hand. */
  handle: Handle | null = null;
  #held: Held | null = null;
  #pointer: { place: Place; at: Pixel } | null = null;

  constructor(private readonly object: Graspable) {}

  get holding(): boolean {
    return this.#held !== null;
  }

  /** Whether the object follows the pointer without a button. */
  get loosely(): boolean {
    return this.#held?.loosely ?? false;
  }

  /** The button went down: take hold of what is there, or put down what was held loosely; whether it was anything. */
  grip(place: Place, at: Pixel): boolean {
    if (this.loosely) {
      this.drop();
      return true;
    }
    const { axis } = this.object.held();
    const handle = this.#handleAt(place, at) ?? (this.#onObject(place, at) ? (axis ?? "free") : null);
    return handle !== null && this.#begin(place, handle, at, false);
  }

  /** Take hold where the pointer is, without a button. */
  follow(): boolean {
    if (this.#held || !this.#pointer) return false;
    const { place, at } = this.#pointer;
    return this.#begin(place, this.object.held().axis ?? "free", at, true);
  }

  /** Tool or axis changed: the same gesture with them, from where it began. */
  renew(): void {
    if (!this.#held) return;
    const { place, start, loosely, last } = this.#held;
    this.#held = null;
    this.object.show(start.pose);
    if (this.#begin(place, this.object.held().axis ?? "free", start.pointer, loosely))
      this.move(place, last.pointer, last.modifiers);
  }

  move(place: Place, at: Pixel, { fine, steps }: Modifiers = FREELY): void {
    this.#pointer = { place, at };
    if (!this.#held) {
      this.handle = this.#handleAt(place, at);
      return;
    }
    const modifiers = { fine, steps };
    this.#held.last = { pointer: at, modifiers };
    const inverted = steps !== this.object.held().steps;
    this.object.show(this.#held.gesture.to(at, { fine, steps: inverted }));
  }

  leave(): void {
    this.#pointer = null;
    if (!this.#held) this.handle = null;
  }

  /** It stays where it is. */
  drop(): void {
    const held = this.#held;
    this.forget();
    const pose = this.object.pose();
    if (held && pose) this.object.place(pose);
  }

  /** It goes back to where it was taken. */
  cancel(): void {
    const held = this.#held;
    this.forget();
    if (held) this.object.show(held.start.pose);
  }

  /** Nothing is held any more, and nothing comes of it. */
  forget(): void {
    [this.#held, this.handle] = [null, null];
  }

  #begin(place: Place, handle: Handle, pointer: Pixel, loosely: boolean): boolean {
    const pose = this.object.pose();
    const { tool, axis } = this.object.held();
    if (!pose || tool === "look") return false;
    const gesture = new Gesture({
      tool,
      handle: handle === "free" ? (axis ?? "free") : handle,
      view: this.object.view(place),
      axes: this.object.axes(place),
      pose,
      pointer,
      moveStep: this.object.moveStep(),
    });
    this.#held = {
      place,
      handle,
      start: { pose, pointer },
      loosely,
      gesture,
      last: { pointer, modifiers: FREELY },
    };
    this.handle = handle;
    return true;
  }

  #handleAt(place: Place, at: Pixel): Handle | null {
    const pose = this.object.pose();
    const { tool, handles } = this.object.held();
    if (!pose || !handles || place === "photograph") return null;
    return handleAt(tool, at, this.object.view(place), this.object.axes(place), pose.translation);
  }

  /** The photograph is for the object alone: every drag in it moves it. */
  #onObject(place: Place, at: Pixel): boolean {
    return place === "photograph" || this.object.covers(at);
  }
}
