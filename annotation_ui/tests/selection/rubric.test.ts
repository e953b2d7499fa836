import { expect, it } from "vitest";
import { anchorsOf } from "../../src/selection/task/rubric";

it("reads the anchors from the rubric's table, whatever else it says", () => {
  const markdown = [
    "# How good?",
    "| rating | name | what it means |",
    "|---|---|---|",
    "| **1** | faithful | as it is |",
    "| **0.25** | poor | recognised |",
    "",
    "| reason | choose it when |",
    "|---|---|",
    "| occlusion | hidden |",
  ].join("\n");
  expect(anchorsOf(markdown)).toEqual([
    { rating: 0.25, name: "poor", meaning: "recognised" },
    { rating: 1, name: "faithful", meaning: "as it is" },
  ]);
});
