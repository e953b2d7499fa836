import { describe, expect, it } from "vitest";
import {
  answered,
  asking,
  baseFor,
  begunFurther,
  draftOf,
  drawn,
  endedFurther,
  isRefined,
  missing,
  NO_PROMPTS,
  openMask,
  readDraft,
  redone,
  undone,
} from "../../src/masks/task/maskState";
import { emptyMask, type Mask, maskOf, runLengths } from "../../src/photograph/columns";
import { maskTask } from "./tasks";

const task = maskTask();
const mask = (counts: number[]): Mask => maskOf({ width: 4, height: 3, counts });
const runs = (state: { step: { mask: Mask } }) => runLengths(state.step.mask);
const click = { x: 1, y: 1, positive: true };

describe("the state of a mask task", () => {
  it("goes back and forth step by step, and forgets what was undone when drawn on again", () => {
    const twice = drawn(drawn(openMask(task), mask([3, 3, 6])), mask([3, 4, 5]));
    expect(runs(undone(twice))).toEqual([3, 3, 6]);
    expect(runs(redone(undone(twice)))).toEqual([3, 4, 5]);
    expect(runs(redone(drawn(undone(twice), mask([0, 12]))))).toEqual([0, 12]);
    const untouched = undone(undone(twice));
    expect(runs(untouched)).toEqual(task.mask.counts);
    expect(undone(untouched)).toBe(untouched);
  });

  it("is refined only while it differs from the proposal", () => {
    const state = openMask(task);
    expect(isRefined(state)).toBe(false);
    expect(isRefined(drawn(state, mask([3, 3, 6])))).toBe(true);
    expect(isRefined(drawn(drawn(state, mask([3, 3, 6])), mask([3, 2, 7])))).toBe(false);
    expect(drawn(state, mask([3, 2, 7]))).toBe(state);
  });

  it("cannot be sent empty, and says what to do by what is wanted", () => {
    expect(missing(openMask(task))).toBeNull();
    expect(missing(drawn(openMask(task), emptyMask(4, 3)))).toMatch(/empty/);
    const nothing = maskTask({ wants_proposal: true, mask: { width: 4, height: 3, counts: [12] } });
    expect(missing(openMask(nothing))).toMatch(/click on the object/);
  });
});

describe("the segmenter's help", () => {
  const asked = { ...NO_PROMPTS, clicks: [click] };

  it("is one step of undo a click, and every question starts from the mask before the first", () => {
    const once = answered(asking(openMask(task), asked), asked, mask([0, 6, 6]));
    expect(runs(once)).toEqual([0, 6, 6]);
    const more = { ...asked, clicks: [...once.step.prompts.clicks, { ...click, positive: false }] };
    expect(runLengths(baseFor(once, more))).toEqual(task.mask.counts);
    const twice = answered(asking(once, more), more, mask([0, 5, 7]));
    expect(undone(twice).step.prompts).toEqual(asked);
    expect(runs(undone(undone(twice)))).toEqual(task.mask.counts);
  });

  it("starts from what was drawn by hand since, and from nothing with a box", () => {
    const state = drawn(answered(asking(openMask(task), asked), asked, mask([0, 6, 6])), mask([0, 9, 3]));
    expect(state.step.prompts).toEqual(NO_PROMPTS);
    expect(runLengths(baseFor(state, asked))).toEqual([0, 9, 3]);
    const box = { left: 0, top: 0, right: 2, bottom: 2 };
    expect(runLengths(baseFor(state, { ...NO_PROMPTS, box }))).toEqual([12]);
  });

  it("counts only for the last question, and undo withdraws one that is open", () => {
    const later = { ...NO_PROMPTS, clicks: [click, click] };
    const state = asking(asking(openMask(task), asked), later);
    expect(answered(state, asked, mask([0, 12]))).toBe(state);
    const withdrawn = undone(state);
    expect(withdrawn.asked).toBeNull();
    expect(runs(withdrawn)).toEqual(task.mask.counts);
  });
});

describe("another object", () => {
  it("puts the task's own aside, with its steps, and gives it back", () => {
    const own = { ...drawn(openMask(task), mask([3, 3, 6])), category: "pepper" };
    const further = drawn(begunFurther(own), mask([9, 2, 1]));
    expect(further.category).toBe("");
    expect(begunFurther(further)).toBe(further);
    const back = endedFurther(further, further.step.mask);
    expect([back.category, runs(back), runs(undone(back))]).toEqual(["pepper", [3, 3, 6], [3, 2, 7]]);
    expect(back.task.marked).toEqual([{ width: 4, height: 3, counts: [9, 2, 1] }]);
    expect(endedFurther(further, null).task.marked).toEqual([]);
  });
});

describe("a draft", () => {
  const reopened = (draft: unknown) => openMask(task, readDraft(JSON.parse(JSON.stringify(draft))));

  it("is kept with what was changed, and comes back with a way to undo", () => {
    expect(draftOf(openMask(task))).toBeNull();
    const draft = draftOf({ ...drawn(openMask(task), mask([0, 12])), category: "cup" });
    expect(draft).toEqual({ category: "cup", runs: [0, 12] });
    const again = reopened(draft);
    expect([again.category, runs(again)]).toEqual(["cup", [0, 12]]);
    expect(runs(undone(again))).toEqual(task.mask.counts);
  });

  it("keeps another object that was begun beside the task's own", () => {
    const further = {
      ...drawn(begunFurther(drawn(openMask(task), mask([3, 3, 6]))), mask([9, 2, 1])),
      category: "x",
    };
    const again = reopened(draftOf(further));
    expect([again.category, runs(again)]).toEqual(["x", [9, 2, 1]]);
    expect(runs(endedFurther(again, null))).toEqual([3, 3, 6]);
  });

  it("that does not fit the photograph or is none is not taken", () => {
    expect(runs(openMask(task, { category: "mug", runs: [0, 99] }))).toEqual(task.mask.counts);
    for (const nothing of [null, 1, {}, { runs: [1] }]) expect(readDraft(nothing)).toBeNull();
    expect(readDraft({ category: "a", runs: [1, -1] })).toEqual({ category: "a", runs: null });
  });
});
