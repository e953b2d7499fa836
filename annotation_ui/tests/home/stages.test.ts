import { expect, it } from "vitest";
import { labelOf, visibleStages } from "../../src/home/stages";

it("shows annotators the stages that they judge", () => {
  expect(visibleStages(["annotator"]).map((stage) => stage.key)).toEqual([
    "mask",
    "selection",
    "alignment",
    "evaluation",
  ]);
});

it("shows artists their queue alone", () => {
  expect(visibleStages(["artist"]).map((stage) => stage.key)).toEqual(["artist"]);
});

it("shows engineers everything and strangers nothing", () => {
  expect(visibleStages(["ml_engineer"])).toHaveLength(5);
  expect(visibleStages([])).toHaveLength(0);
});

it("names a stage that it does not know by its key", () => {
  expect([labelOf("selection"), labelOf("new")]).toEqual(["Stage 2", "new"]);
});
