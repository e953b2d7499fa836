import { describe, expect, it } from "vitest";
import type { MaskTask } from "../../src/api/masks";
import {
  draftOf,
  drawn,
  isRefined,
  missing,
  openMask,
  readDraft,
  redone,
  undone,
} from "../../src/masks/task/maskState";

const task: MaskTask = {
  work_item: "item-1",
  token: 1,
  lease_expires_at: null,
  lease_seconds: 60,
  image: { url: "/photo.png", width: 4, height: 3 },
  mask: { height: 3, width: 4, counts: [3, 2, 7] },
  category: "mug",
  description: "",
  guidelines: { version: "v1", markdown: "" },
};

describe("a mask in work", () => {
  it("goes back and forth through what was drawn, and forgets what a new stroke replaces", () => {
    const once = drawn(openMask(task), [3, 3, 6]);
    const twice = drawn(once, [3, 4, 5]);
    expect(undone(twice).runs).toEqual([3, 3, 6]);
    expect(redone(undone(twice)).runs).toEqual([3, 4, 5]);
    expect(redone(drawn(undone(twice), [0, 12])).runs).toEqual([0, 12]);
    const untouched = undone(undone(twice));
    expect(untouched.runs).toEqual(task.mask.counts);
    expect(undone(untouched)).toBe(untouched);
  });

  it("is refined only while it differs from the proposal", () => {
    const state = openMask(task);
    expect(isRefined(state)).toBe(false);
    expect(isRefined(drawn(state, [3, 3, 6]))).toBe(true);
    expect(isRefined(drawn(drawn(state, [3, 3, 6]), [3, 2, 7]))).toBe(false);
    expect(drawn(state, [3, 2, 7])).toBe(state);
  });

  it("cannot be sent empty", () => {
    expect(missing(openMask(task))).toBeNull();
    expect(missing(drawn(openMask(task), [12]))).toMatch(/empty/);
  });

  it("is kept as a draft with what was changed, and comes back from it with a way to undo", () => {
    expect(draftOf(openMask(task))).toBeNull();
    const draft = draftOf({ ...drawn(openMask(task), [0, 12]), category: "cup" });
    expect(draft).toEqual({ category: "cup", runs: [0, 12] });
    const again = openMask(task, readDraft(JSON.parse(JSON.stringify(draft))));
    expect([again.category, again.runs]).toEqual(["cup", [0, 12]]);
    expect(undone(again).runs).toEqual(task.mask.counts);
  });

  it("takes no draft that does not fit the photograph or is none", () => {
    expect(openMask(task, { category: "mug", runs: [0, 99] }).runs).toEqual(task.mask.counts);
    for (const nothing of [null, 1, {}, { runs: [1] }]) expect(readDraft(nothing)).toBeNull();
    expect(readDraft({ category: "a", runs: [1, -1] })).toEqual({ category: "a", runs: null });
  });
});
