import { describe, expect, it } from "vitest";
import { cropAround, maskPicture, runsOf } from "../../src/photograph/mask";

describe("a mask", () => {
  it("is decoded column by column, zeros first", () => {
    // 2 rows × 3 columns: column 0 has its lower pixel, column 1 both.
    const { alpha, box } = maskPicture({ height: 2, width: 3, counts: [1, 3, 2] });
    expect([...alpha]).toEqual([0, 255, 0, 255, 255, 0]);
    expect(box).toEqual({ left: 0, top: 0, width: 2, height: 2 });
  });

  it("of a large photograph is thinned out, with its box in full pixels", () => {
    const height = 10;
    const counts = [3 * height + 4, 3, 100 * height - 3 * height - 7];
    const picture = maskPicture({ height, width: 100, counts }, 34);
    expect([picture.width, picture.height]).toEqual([34, 4]);
    expect(picture.alpha.reduce((sum, value) => sum + value / 255, 0)).toBe(1);
    expect(picture.alpha[2 * 34 + 1]).toBe(255); // row 6, column 3
    expect(picture.box).toEqual({ left: 3, top: 4, width: 1, height: 3 });
  });

  it("comes back from its picture as it was", () => {
    for (const counts of [[1, 3, 2], [0, 2, 4], [6], [0, 6], [2, 1, 1, 1, 1]]) {
      const { alpha } = maskPicture({ height: 2, width: 3, counts });
      expect(runsOf(alpha, 3, 2)).toEqual(counts);
    }
    expect(runsOf([127, 128], 1, 2)).toEqual([1, 1]);
  });

  it("that marks nothing shows the whole photograph", () => {
    expect(maskPicture({ height: 4, width: 5, counts: [20] }).box).toEqual({
      left: 0,
      top: 0,
      width: 5,
      height: 4,
    });
  });

  it("is zoomed to with a margin, inside the photograph, in the panel's shape where it can", () => {
    const photograph = { width: 1000, height: 800 };
    const crop = cropAround({ left: 500, top: 400, width: 100, height: 100 }, photograph, 1);
    expect(crop).toEqual({ left: 550 - 73, top: 450 - 73, width: 146, height: 146 });
    const corner = cropAround({ left: 0, top: 0, width: 100, height: 100 }, photograph, 2);
    expect([corner.left, corner.top]).toEqual([0, 0]);
    const all = cropAround({ left: 0, top: 0, width: 1000, height: 800 }, photograph, 1);
    expect(all).toEqual({ left: 0, top: 0, width: 1000, height: 800 });
  });
});
