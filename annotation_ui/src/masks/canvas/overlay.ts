import type { Point } from "../../photograph/shapes";
import type { Prompts } from "../task/maskState";
import type { Sketch } from "../tools/tool";

type Place = (point: Point) => Point;

const LIGHT = "#ffffff";
const DARK = "rgb(0 0 0 / 80%)";
const BELONGS = "#12b886";
const NOT = "#e8590c";

/** Every line twice, dark under light, so that it is seen on any photograph. */
function trace(on: CanvasRenderingContext2D, path: Path2D, colour: string, width = 1.5): void {
  on.lineJoin = "round";
  on.strokeStyle = DARK;
  on.lineWidth = width + 2;
  on.stroke(path);
  on.strokeStyle = colour;
  on.lineWidth = width;
  on.stroke(path);
}

/** What was pointed at: round green for what belongs, square orange with a bar for what does not. */
export function drawPrompts(
  on: CanvasRenderingContext2D,
  prompts: Prompts,
  place: Place,
  waiting: boolean,
): void {
  on.globalAlpha = waiting ? 0.7 : 1;
  for (const { points, positive } of prompts.strokes) {
    trace(on, lineThrough(points.map(place)), positive ? BELONGS : NOT, 3);
  }
  if (prompts.box) {
    const { left, top, right, bottom } = prompts.box;
    on.setLineDash([6, 4]);
    trace(on, boxBetween(place({ x: left, y: top }), place({ x: right, y: bottom })), LIGHT);
    on.setLineDash([]);
  }
  for (const click of prompts.clicks) {
    const { x, y } = place(click);
    const mark = new Path2D();
    if (click.positive) mark.arc(x, y, 6, 0, 2 * Math.PI);
    else mark.rect(x - 6, y - 6, 12, 12);
    on.fillStyle = click.positive ? BELONGS : NOT;
    on.fill(mark);
    trace(on, mark, LIGHT, 1.5);
    const sign = new Path2D();
    sign.moveTo(x - 3, y);
    sign.lineTo(x + 3, y);
    if (click.positive) {
      sign.moveTo(x, y - 3);
      sign.lineTo(x, y + 3);
    }
    on.strokeStyle = LIGHT;
    on.lineWidth = 1.5;
    on.stroke(sign);
  }
  on.globalAlpha = 1;
}

export function drawSketch(on: CanvasRenderingContext2D, sketch: Sketch, place: Place): void {
  if (sketch.kind === "box") {
    trace(on, boxBetween(place(sketch.from), place(sketch.to)), LIGHT);
    return;
  }
  const points = sketch.points.map(place);
  const path = lineThrough(points);
  if (sketch.closed) path.closePath();
  trace(on, path, sketch.negative ? NOT : BELONGS);
  const [first] = points;
  if (sketch.closed && first) {
    const ring = new Path2D();
    ring.arc(first.x, first.y, 5, 0, 2 * Math.PI);
    trace(on, ring, LIGHT);
  }
}

/** The brush's size, or the keyboard's place. */
export function drawCrosshair(
  on: CanvasRenderingContext2D,
  at: Point,
  radius: number | null,
  arms: boolean,
): void {
  const path = new Path2D();
  if (radius !== null) path.arc(at.x, at.y, Math.max(radius, 1), 0, 2 * Math.PI);
  if (arms) {
    const [inner, outer] = radius === null ? [4, 14] : [radius + 3, radius + 12];
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      path.moveTo(at.x + dx * inner, at.y + dy * inner);
      path.lineTo(at.x + dx * outer, at.y + dy * outer);
    }
  }
  trace(on, path, LIGHT, 1.25);
}

function lineThrough(points: readonly Point[]): Path2D {
  const path = new Path2D();
  points.forEach(({ x, y }, index) => {
    if (index === 0) path.moveTo(x, y);
    else path.lineTo(x, y);
  });
  return path;
}

function boxBetween(a: Point, b: Point): Path2D {
  const path = new Path2D();
  path.rect(Math.min(a.x, b.x), Math.min(a.y, b.y), Math.abs(a.x - b.x), Math.abs(a.y - b.y));
  return path;
}
