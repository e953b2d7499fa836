import { describe, expect, it } from "vitest";
import {
  answering,
  missing,
  openTask,
  progressed,
  rated,
  readDraft,
  reasoned,
  reasonWanted,
  undoing,
} from "../../src/selection/task/taskState";
import { RATING, SECOND_ROUND, someTask } from "./tasks";

const toRate = progressed(answering(openTask(someTask()), "left"), RATING);

describe("a task", () => {
  it("takes one answer at a time", () => {
    const first = answering(openTask(someTask()), "left");
    expect(first.pending).toBe("left");
    expect(answering(first, "right")).toBe(first);
    expect(undoing(first)).toBe(first);
    expect(progressed(first, SECOND_ROUND)).toMatchObject({ pending: null, progress: { round: 2 } });
  });

  it("steps back only where an answer stands, also from the rating, which is then given anew", () => {
    const fresh = openTask(someTask());
    expect(undoing(fresh)).toBe(fresh);
    const back = undoing(rated(toRate, 0.9));
    expect(back.pending).toBe("undo");
    expect(progressed(back, SECOND_ROUND)).toMatchObject({
      rating: null,
      reason: "",
      progress: SECOND_ROUND,
    });
  });

  it("is rated in hundredths from 0 to 1, and only once all were compared", () => {
    expect(rated(toRate, 0.333).rating).toBe(0.33);
    expect(rated(toRate, 1.2).rating).toBe(1);
    expect(rated(toRate, -0.1).rating).toBe(0);
    expect(rated(openTask(someTask()), 0.5).rating).toBeNull();
  });

  it("wants a reason under the bar, not at it", () => {
    expect(reasonWanted(rated(toRate, 0.6))).toBe(false);
    expect(reasonWanted(rated(toRate, 0.59))).toBe(true);
    expect(reasoned(rated(toRate, 0.9), "occlusion").reason).toBe("");
  });

  it("says what is missing, in order", () => {
    expect(missing(openTask(someTask()))).toMatch(/Compare/);
    expect(missing(toRate)).toMatch(/Rate/);
    expect(missing(rated(toRate, 0.2))).toMatch(/why/);
    expect(missing(reasoned(rated(toRate, 0.2), "other"))).toBeNull();
    expect(missing(rated(toRate, 0.8))).toBeNull();
  });

  it("trusts no draft from outside", () => {
    expect(readDraft({ rating: 0.4, reason: "occlusion" })).toEqual({ rating: 0.4, reason: "occlusion" });
    expect(readDraft({ rating: 0.4, reason: "boredom" })).toEqual({ rating: 0.4, reason: "" });
    for (const nothing of [null, 3, {}, { rating: 4 }, { rating: "0.4" }, { rating: Number.NaN }]) {
      expect(readDraft(nothing)).toBeNull();
    }
  });
});
