/** Performance measures of what people wait for: from the key that asked to the frame that shows it. */

type Asked = "next-pair" | "next-task";

let asked: { what: Asked; at: number } | null = null;
let first = true;

/** What was asked for at `start` (ms of the page's clock) will be seen with the next frame: `lathe.assist`, … */
export function seen(what: "assist", start: number): void {
  requestAnimationFrame(() => performance.measure(`lathe.${what}`, { start }));
}

/** The person did something that brings up something else. */
export function ask(what: Asked): void {
  asked = { what, at: performance.now() };
}

/** It is on screen. Browsers' performance panels and the benchmark read `lathe.first-task`, `lathe.next-pair`, … */
export function shown(): void {
  if (first) performance.measure("lathe.first-task", { start: 0 });
  else if (asked) performance.measure(`lathe.${asked.what}`, { start: asked.at });
  first = false;
  asked = null;
}
