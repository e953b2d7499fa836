import type { CategoryShares } from "../api/curriculum";

export const TIERS = ["simple", "structured", "deformable", "unfiled"] as const;
export type Tier = (typeof TIERS)[number];

export const TIER_NAMES: Record<string, string> = {
  simple: "Simple",
  structured: "Structured",
  deformable: "Deformable",
  unfiled: "Own words",
};

export const SORTS = ["behind", "done", "waiting", "name"] as const;
export type Sort = (typeof SORTS)[number];

/** Objects that a category lacks to have its target share of those done; negative where it has more. */
export function lacking({ target_share, done }: CategoryShares, doneObjects: number): number {
  return target_share * doneObjects - done;
}

/** The categories that the words and the tier leave, in this order. */
export function chosen(
  categories: readonly CategoryShares[],
  { words, tier, sort, doneObjects }: { words: string; tier: Tier | "all"; sort: Sort; doneObjects: number },
): CategoryShares[] {
  const plain = words.trim().toLowerCase();
  const orders: Record<Sort, (a: CategoryShares, b: CategoryShares) => number> = {
    behind: (a, b) => lacking(b, doneObjects) - lacking(a, doneObjects),
    done: (a, b) => b.done - a.done,
    waiting: (a, b) => b.waiting - a.waiting,
    name: (a, b) => a.name.localeCompare(b.name),
  };
  return categories
    .filter(
      (category) =>
        (tier === "all" || category.tier === tier) &&
        `${category.name} ${category.group.replaceAll("_", " ")}`.toLowerCase().includes(plain),
    )
    .sort((a, b) => orders[sort](a, b) || a.name.localeCompare(b.name));
}

/** A share as people read it: `12 %`, `0.31 %`, `0`. */
export function percent(share: number): string {
  if (share === 0) return "0";
  const points = share * 100;
  if (points < 0.005) return "< 0.01 %";
  return `${points.toFixed(points < 1 ? 2 : points < 10 ? 1 : 0)} %`;
}
