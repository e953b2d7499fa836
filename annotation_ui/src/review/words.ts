import type { Entry, Opinion, Purpose, ReviewStage, ReviewState } from "../api/reviews";

export const STAGE_NAMES: Record<ReviewStage, string> = {
  mask: "Masks",
  selection: "Selections",
  alignment: "Poses",
};

export const STATE_NAMES: Record<ReviewState, string> = {
  unreviewed: "to review",
  accepted: "accepted",
  gold: "gold",
  returned: "returned",
  requeued: "re-queued",
};

export const PURPOSE_NAMES: Record<Purpose, string> = {
  collect: "collecting",
  overlap: "second opinion",
  gold: "gold task",
  review: "review",
  evaluate: "vote",
};

/** Name, digits and unit of what rooms measure; what is not here is shown under its own name. */
const MEASURES: Record<string, { name: string; digits: number; unit?: string; percent?: boolean }> = {
  iou: { name: "overlap (IoU)", digits: 2 },
  pair_agreement: { name: "same answer to common pairs", digits: 0, percent: true },
  pairs_met_by_both: { name: "pairs that both met", digits: 0 },
  rating_difference: { name: "ratings apart", digits: 2 },
  add_s: { name: "distance (ADD-S)", digits: 3 },
  rotation_degrees: { name: "turned", digits: 1, unit: "°" },
  translation_over_diameter: { name: "moved, of its size", digits: 0, percent: true },
  scale_ratio: { name: "size", digits: 2, unit: "×" },
  same_verdict: { name: "same verdict", digits: 0, percent: true },
  same_reason: { name: "same reason", digits: 0, percent: true },
  same_category: { name: "same category", digits: 0, percent: true },
  same_winner: { name: "same winner", digits: 0, percent: true },
  same_side_of_bar: { name: "same side of the bar", digits: 0, percent: true },
  both_posed: { name: "both gave a pose", digits: 0, percent: true },
};

/** What a measure is called. */
export function measureName(name: string): string {
  return MEASURES[name]?.name ?? name.replaceAll("_", " ");
}

/** A measured value as people read it; null where it has no sense here. */
export function measureText(name: string, value: unknown): string | null {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return null;
  const { digits, unit = "", percent = false } = MEASURES[name] ?? { digits: 2 };
  return percent ? `${Math.round(100 * value)} %` : `${value.toFixed(digits)}${unit}`;
}

/** What the queue says of an entry's second opinions, in a word or two. */
export function opinionText(opinions: readonly Opinion[]): string {
  const compared = opinions.filter((opinion) => opinion.state === "compared");
  if (compared.some((opinion) => opinion.agrees === false)) return "disagrees";
  if (compared.length > 0) return "agrees";
  return opinions.length > 0 ? "second opinion asked for" : "";
}

/** The one whose answer stands beside the judgement: a compared one that disagrees before one that agrees. */
export function besideOf(entry: Entry): Opinion | undefined {
  const given = entry.opinions.filter((opinion) => opinion.work_item !== null);
  return given.find((opinion) => opinion.agrees === false) ?? given[0];
}

/** A share in whole percent. */
export function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
