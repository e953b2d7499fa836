import type { AssistBox } from "../../api/masks";
import type { Mask } from "../../photograph/columns";
import type { Point } from "../../photograph/shapes";
import type { Click, Stroke } from "../task/maskState";

/** Where the pointer is, in pixels of the photograph, and what it means there: with Shift or the right button, "not". */
export interface Touch extends Point {
  readonly negative: boolean;
}

/** What a tool can do to the page. */
export interface Bench {
  readonly mask: Mask;
  /** In pixels of the photograph. */
  readonly radius: number;
  /** CSS pixels for a pixel of the photograph. */
  readonly scale: number;
  /** Show a mask that is not finished. */
  preview(mask: Mask): void;
  draw(mask: Mask): void;
  click(click: Click): void;
  stroke(stroke: Stroke): void;
  box(box: AssistBox): void;
  pan(dx: number, dy: number): void;
}

/** What a tool shows while it is used. Points in pixels of the photograph. */
export type Sketch =
  | { kind: "box"; from: Point; to: Point }
  | { kind: "line"; points: readonly Point[]; closed: boolean; negative: boolean };

/** One way to mark. A drag is down, move…, up; a tool that needs several drags keeps what it has between them. */
export interface Tool {
  readonly sketch: Sketch | null;
  down(touch: Touch, bench: Bench): void;
  /** `held`: between down and up. */
  move(touch: Touch, bench: Bench, held: boolean): void;
  up(touch: Touch, bench: Bench): void;
  /** End what takes several touches; false where nothing was begun. */
  finish?(bench: Bench): boolean;
  cancel(): void;
}

export const TOOLS = ["point", "box", "brush", "eraser", "polygon", "hand"] as const;
export type ToolName = (typeof TOOLS)[number];
