import { describe, expect, it } from "vitest";
import type { CategoryShares } from "../../src/api/curriculum";
import { chosen, lacking, percent } from "../../src/curriculum/shares";

const row = (name: string, tier: string, done: number, target_share: number): CategoryShares => ({
  id: name.toLowerCase(),
  name,
  group: name === "Dog" ? "animals" : "home_things",
  tier,
  done,
  waiting: 1,
  target_share,
  current_share: done / 100,
  planned_share: 0,
});

const rows = [
  row("Mug", "simple", 60, 0.5),
  row("Chair", "structured", 40, 0.3),
  row("Dog", "deformable", 0, 0.2),
];
const all = { words: "", tier: "all", sort: "behind", doneObjects: 100 } as const;
const names = (options: Partial<Parameters<typeof chosen>[1]>) =>
  chosen(rows, { ...all, ...options }).map(({ name }) => name);

describe("the categories of the curriculum", () => {
  it("come by what they lack, or as asked", () => {
    expect(names({})).toEqual(["Dog", "Chair", "Mug"]);
    expect(names({ sort: "done" })).toEqual(["Mug", "Chair", "Dog"]);
    expect(names({ sort: "name" })).toEqual(["Chair", "Dog", "Mug"]);
    expect(lacking(rows[2] as CategoryShares, 100)).toBeCloseTo(20);
  });

  it("are found by words of name and group, and by tier", () => {
    expect(names({ words: "home th" })).toEqual(["Chair", "Mug"]);
    expect(names({ words: " do" })).toEqual(["Dog"]);
    expect(names({ tier: "structured" })).toEqual(["Chair"]);
  });

  it("have shares that people can read", () => {
    expect([0, 0.00001, 0.0031, 0.052, 0.48].map(percent)).toEqual([
      "0",
      "< 0.01 %",
      "0.31 %",
      "5.2 %",
      "48 %",
    ]);
  });
});
