import { expect, test } from "vitest";
import type { Entry, Opinion } from "../../src/api/reviews";
import { conflicts, defaultBindings } from "../../src/keys/bindings";
import { COMMANDS, stageOf } from "../../src/review/commands";
import { besideOf, measureName, measureText, opinionText, percent } from "../../src/review/words";

const opinion = (change: Partial<Opinion>): Opinion => ({
  work_item: "item",
  person: "bob",
  purpose: "overlap",
  state: "compared",
  agrees: true,
  measures: {},
  ...change,
});

test("measures are named and rounded as people read them", () => {
  expect(measureText("iou", 0.6249)).toBe("0.62");
  expect(measureText("rotation_degrees", 30.04)).toBe("30.0°");
  expect(measureText("translation_over_diameter", 0.5)).toBe("50 %");
  expect(measureText("same_winner", false)).toBe("no");
  expect(measureText("pair_agreement", null)).toBeNull();
  expect(measureText("something_new", 1.234)).toBe("1.23");
  expect(measureName("something_new")).toBe("something new");
  expect(percent(0.755)).toBe("76 %");
});

test("one disagreement is what the queue tells", () => {
  expect(opinionText([])).toBe("");
  expect(opinionText([opinion({ state: "asked", agrees: null, work_item: null })])).toBe(
    "second opinion asked for",
  );
  expect(opinionText([opinion({})])).toBe("agrees");
  expect(opinionText([opinion({}), opinion({ agrees: false })])).toBe("disagrees");
});

test("what disagrees stands beside the judgement", () => {
  const differing = opinion({ agrees: false, work_item: "other" });
  const entry = { opinions: [opinion({ work_item: null }), opinion({}), differing] } as unknown as Entry;
  expect(besideOf(entry)).toBe(differing);
  expect(besideOf({ opinions: [] } as unknown as Entry)).toBeUndefined();
});

test("no two commands share a key, and numbers choose the stage", () => {
  expect(conflicts(COMMANDS, defaultBindings(COMMANDS))).toEqual([]);
  expect(["stage1", "stage2", "stage3", "people", "next"].map(stageOf)).toEqual([
    "mask",
    "selection",
    "alignment",
    undefined,
    undefined,
  ]);
});
