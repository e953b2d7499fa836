import { describe, expect, it } from "vitest";
import { leafOf, loadTaxonomy, suggestions } from "../../src/masks/taxonomy";

const leaves = await loadTaxonomy();
const names = (typed: string) => suggestions(leaves, typed).map(({ leaf }) => leaf.id);

describe("type-ahead over the taxonomy", () => {
  it("puts names that begin with it first, then words in names, then synonyms", () => {
    expect(names("bow").slice(0, 2)).toEqual(["bow", "bowl"]);
    expect(names("pepper")).toContain("bell_pepper");
    const hatchet = suggestions(leaves, "hatch")[0];
    expect([hatchet?.leaf.id, hatchet?.synonym]).toEqual(["axe", "hatchet"]);
  });

  it("finds nothing for nothing and for words of one's own", () => {
    expect(names("")).toEqual([]);
    expect(names("zyxglorp")).toEqual([]);
  });

  it("knows when a word is a leaf, however it is written", () => {
    expect(leafOf(leaves, "Bell_Pepper")?.id).toBe("bell_pepper");
    expect(leafOf(leaves, "rucksack")?.id).toBe("backpack");
    expect(leafOf(leaves, "bo")).toBeNull();
  });
});
