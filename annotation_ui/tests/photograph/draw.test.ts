import { describe, expect, it } from "vitest";
import { isTooCoarse, type Showing } from "../../src/photograph/draw";

describe("the preview of a large photograph", () => {
  const full: Showing = {
    mode: "full",
    size: { width: 8000, height: 6000 },
    width: 800,
    height: 600,
    density: 1,
  };
  const small = { left: 4000, top: 3000, width: 400, height: 400 };

  it("is enough for the whole photograph, and for a large target", () => {
    expect(isTooCoarse(2560, small, full)).toBe(false);
    const large = { left: 1000, top: 1000, width: 4000, height: 4000 };
    expect(isTooCoarse(2560, large, { ...full, mode: "zoom" })).toBe(false);
  });

  it("is too coarse for a small target seen large, and for a screen that has more pixels", () => {
    expect(isTooCoarse(2560, small, { ...full, mode: "zoom" })).toBe(true);
    expect(isTooCoarse(2560, small, { ...full, mode: "cut-out" })).toBe(true);
    expect(isTooCoarse(2560, small, { ...full, density: 4 })).toBe(true);
  });
});
