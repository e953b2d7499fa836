import type { Frame } from "../pose/axes";
import type { Tool } from "../tools/gesture";
import type { Overlay } from "./photographView";

/** How the person wants to see the scene, and what is in their hands. Kept from task to task. */
export interface Display {
  readonly mesh: boolean;
  /** The target's points stand out, and M is outlined in the photograph. */
  readonly target: boolean;
  /** Handles of the tool, and the camera's pyramid. */
  readonly controls: boolean;
  /** Objects that are already placed. */
  readonly placed: boolean;
  /** 1 closes the gaps between points. */
  readonly pointSize: number;
  readonly overlay: Overlay;
  readonly opacity: number;
  /** The photograph shows the target large, or all of itself. */
  readonly close: boolean;
  readonly tool: Tool;
  readonly frame: Frame;
  /** The one axis that drags and arrow keys keep to. */
  readonly axis: 0 | 1 | 2 | null;
  /** Everything goes in steps. */
  readonly steps: boolean;
}

export const POINT_SIZES = [0.4, 0.6, 0.8, 1, 1.4, 2, 3, 4.5] as const;

export const FIRST_DISPLAY: Display = {
  mesh: true,
  target: true,
  controls: true,
  placed: true,
  pointSize: 1.4,
  overlay: "fit",
  opacity: 0.6,
  close: true,
  tool: "move",
  frame: "world",
  axis: null,
  steps: false,
};

/** The next larger or smaller size of points. */
export function pointSizeBeside(size: number, direction: 1 | -1): number {
  const nearest = POINT_SIZES.reduce((best, one) =>
    Math.abs(one - size) < Math.abs(best - size) ? one : best,
  );
  const at = POINT_SIZES.indexOf(nearest) + direction;
  return POINT_SIZES[Math.min(POINT_SIZES.length - 1, Math.max(0, at))] as number;
}

const STORAGE_KEY = "lathe.alignment.display";
const KEPT = new Set(["target", "controls", "placed", "pointSize", "opacity", "close"]);

/** As the person left it; what no longer fits falls back. Tools and axes start anew with each visit. */
export function loadDisplay(storage: Storage = localStorage): Display {
  try {
    const kept: unknown = JSON.parse(storage.getItem(STORAGE_KEY) ?? "{}");
    if (typeof kept !== "object" || kept === null) return FIRST_DISPLAY;
    const fitting = Object.entries(kept).filter(
      ([name, value]) => typeof value === typeof FIRST_DISPLAY[name as keyof Display] && KEPT.has(name),
    );
    return { ...FIRST_DISPLAY, ...Object.fromEntries(fitting) };
  } catch {
    return FIRST_DISPLAY; // not readable: storage is off, or something else wrote there
  }
}

/** The display with a change, kept for the next visit. */
export function keepDisplay(
  change: Partial<Display>,
  before: Display,
  storage: Storage = localStorage,
): Display {
  const changed = { ...before, ...change };
  const kept = Object.entries(changed).filter(([name]) => KEPT.has(name));
  storage.setItem(STORAGE_KEY, JSON.stringify(Object.fromEntries(kept)));
  return changed;
}
