import { describe, expect, it } from "vitest";
import {
  missing,
  openTask,
  rated,
  ratingOf,
  readDraft,
  reasoned,
  reasonWanted,
} from "../../src/selection/task/taskState";
import { answered, stepBack } from "../../src/selection/task/tournament";
import { someTask, toBeRated } from "./tasks";

const toRate = openTask(toBeRated());

describe("a task", () => {
  it("goes on from pair to pair to the winner", () => {
    const first = openTask(someTask());
    expect(first.standing).toMatchObject({ pair: { left: "a", right: "b" }, round: 1, phase: "compare" });
    const second = answered(first, "left");
    expect(second.standing).toMatchObject({ pair: { left: "c", right: "a" }, round: 2, phase: "compare" });
    expect(answered(second, "right").standing).toMatchObject({ winner: "a", phase: "rate", pair: null });
  });

  it("keeps after equal the side that the server's coin keeps", () => {
    const second = answered(openTask(someTask()), "equal");
    expect(second.standing.pair).toEqual({ left: "c", right: "b" });
    expect(answered(second, "equal").standing.winner).toBe("c");
  });

  it("is opened where it stood, with what was taken back", () => {
    const state = openTask(someTask({ answers: ["right"], taken_back: ["left"] }));
    expect(state.standing.pair).toEqual({ left: "c", right: "b" });
    expect(state.takenBack).toEqual(["left"]);
  });

  it("steps back, also from the rating, and forward again on the same way", () => {
    const back = stepBack(stepBack(toRate));
    expect(back.standing.round).toBe(1);
    expect(back.takenBack).toEqual(["left", "left"]);
    expect(stepBack(back)).toBe(back);
    const again = answered(back, "left");
    expect(again.takenBack).toEqual(["left"]);
    expect(answered(again, "left").standing).toEqual(toRate.standing);
    expect(answered(again, "equal").takenBack).toEqual([]);
  });

  it("takes no answer where nothing is compared, and keeps a rating for its own winner", () => {
    expect(answered(toRate, "left")).toBe(toRate);
    const back = stepBack(rated(toRate, 0.9));
    expect(ratingOf(back)).toBeNull();
    expect(ratingOf(answered(back, "right"))).toBeNull();
    expect(ratingOf(answered(back, "left"))?.rating).toBe(0.9);
  });

  it("is rated in hundredths from 0 to 1, and only once all were compared", () => {
    expect(ratingOf(rated(toRate, 0.333))?.rating).toBe(0.33);
    expect(ratingOf(rated(toRate, 1.2))?.rating).toBe(1);
    expect(ratingOf(rated(toRate, -0.1))?.rating).toBe(0);
    expect(ratingOf(rated(openTask(someTask()), 0.5))).toBeNull();
  });

  it("wants a reason under the bar, not at it", () => {
    expect(reasonWanted(rated(toRate, 0.6))).toBe(false);
    expect(reasonWanted(rated(toRate, 0.59))).toBe(true);
    expect(ratingOf(reasoned(rated(toRate, 0.9), "occlusion"))?.reason).toBe("");
  });

  it("says what is missing, in order", () => {
    expect(missing(openTask(someTask()))).toMatch(/Compare/);
    expect(missing(toRate)).toMatch(/Rate/);
    expect(missing(rated(toRate, 0.2))).toMatch(/why/);
    expect(missing(reasoned(rated(toRate, 0.2), "other"))).toBeNull();
    expect(missing(rated(toRate, 0.8))).toBeNull();
  });

  it("takes up a draft of the same winner, and of no other", () => {
    const draft = reasoned(rated(toRate, 0.2), "occlusion").given;
    expect(draft).toEqual({ winner: "c", rating: 0.2, reason: "occlusion" });
    expect(ratingOf(openTask(toBeRated(), draft))).toEqual(draft);
    expect(ratingOf(openTask(toBeRated({ answers: ["left", "right"] }), draft))).toBeNull();
  });

  it("trusts no draft from outside", () => {
    const draft = { winner: "c", rating: 0.4, reason: "occlusion" };
    expect(readDraft(draft)).toEqual(draft);
    expect(readDraft({ ...draft, reason: "boredom" })).toEqual({ ...draft, reason: "" });
    for (const nothing of [
      null,
      3,
      {},
      { ...draft, rating: 4 },
      { ...draft, rating: "0.4" },
      { rating: 0.4 },
    ]) {
      expect(readDraft(nothing)).toBeNull();
    }
  });
});
