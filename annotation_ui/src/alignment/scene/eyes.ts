import { type Box, cropAround } from "../../photograph/mask";
import { type Intrinsics, inputView, type View } from "../pose/pinhole";
import type { Layout } from "./layout";
import { Orbit } from "./orbit";

/** The two views: the free one of the scene, and the photograph from the input camera. */
export type Place = "scene" | "photograph";

/** A part of the photograph, and where it lies in a view: its corner in CSS pixels, and how large a pixel is. */
export interface Framed {
  readonly window: Box;
  readonly left: number;
  readonly top: number;
  readonly zoom: number;
}

/** What is photographed. */
interface Subject {
  readonly intrinsics: Intrinsics;
  readonly targetBox: Box;
}

/** From where each view looks. */
export class Eyes {
  readonly orbit = new Orbit();
  /** The target large, or all of the photograph. */
  close = true;
  #subject: Subject | null = null;

  constructor(private readonly layout: Layout) {}

  hold(subject: Subject | null): void {
    this.#subject = subject;
  }

  viewOf(place: Place): View {
    const free = place === "scene" && !this.orbit.throughInput;
    if (free || !this.#subject) return this.orbit.view(this.layout.boxOf(place));
    const { intrinsics } = this.#subject;
    const { window, left, top, zoom } = this.frame(this.#subject, place);
    return inputView(intrinsics, { left: left - window.left * zoom, top: top - window.top * zoom, zoom });
  }

  /** Which part of the photograph a view shows. */
  frame({ intrinsics, targetBox }: Subject, place: Place): Framed {
    const { width, height } = this.layout.boxOf(place);
    const whole = { left: 0, top: 0, width: intrinsics.width, height: intrinsics.height };
    const window = this.close ? cropAround(targetBox, intrinsics, width / height) : whole;
    const zoom = Math.min(width / window.width, height / window.height);
    const [left, top] = [(width - window.width * zoom) / 2, (height - window.height * zoom) / 2];
    return { window, zoom, left, top };
  }
}
