import { describe, expect, it } from "vitest";
import { stepStates } from "../../src/home/steps";

describe("the steps of an iteration", () => {
  it("shows what is past, now and ahead", () => {
    expect(stepStates({ step: "sft", failed: false })).toEqual([
      "past",
      "past",
      "now",
      "ahead",
      "ahead",
      "ahead",
      "ahead",
    ]);
  });

  it("marks the step at which it stopped", () => {
    expect(stepStates({ step: "dpo", failed: true })[3]).toBe("failed");
  });

  it("has nothing left to do when done", () => {
    expect(new Set(stepStates({ step: "done", failed: false }))).toEqual(new Set(["past"]));
  });
});
