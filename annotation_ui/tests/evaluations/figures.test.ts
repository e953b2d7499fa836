import { describe, expect, it } from "vitest";
import type { ContenderResult } from "../../src/api/evaluations";
import { along, axisOf, odds, ranked, signed, winShare } from "../../src/evaluations/figures";

function contender(name: string, elo: number | null, reach = 30): ContenderResult {
  return {
    name,
    generator: "sam3d",
    model_version: null,
    baseline: elo === 0,
    elo,
    elo_low: elo === null ? null : elo - reach,
    elo_high: elo === null ? null : elo + reach,
    rank: elo === null ? null : 1,
    wins: 0,
    losses: 0,
    ties: 0,
    made: 0,
    failed: 0,
    load_failures: 0,
  };
}

describe("figures of an evaluation", () => {
  it("ranks the best first and keeps the place that the matrix knows", () => {
    const rows = ranked([contender("a", 0), contender("b", 120), contender("c", null), contender("d", -40)]);
    expect(rows.map(({ name, place }) => [name, place])).toEqual([
      ["b", 1],
      ["a", 0],
      ["d", 3],
      ["c", 2],
    ]);
  });

  it("lays an axis that holds every interval, with few round ticks and zero among them", () => {
    const axis = axisOf([contender("a", 0), contender("b", 390, 30), contender("c", -130, 60)]);
    expect(axis).toEqual({ low: -200, high: 500, ticks: [-200, -100, 0, 100, 200, 300, 400, 500] });
    expect(along(axis, -200)).toBe(0);
    expect(along(axis, 150)).toBe(50);
    for (const spread of [1, 90, 1000, 9000]) {
      const wide = axisOf([contender("a", 0, 0), contender("b", spread, spread / 3)]);
      expect(wide.ticks.length).toBeLessThanOrEqual(9);
      expect(wide.ticks).toContain(0);
      expect(wide.high).toBeGreaterThanOrEqual(spread * (4 / 3));
    }
  });

  it("says what a difference means in wins to losses", () => {
    expect([400, -400, 0, 191].map(odds)).toEqual(["10 : 1", "1 : 10", "1 : 1", "3 : 1"]);
    expect([120.4, -35, 0.2, -0.3].map(signed)).toEqual(["+120", "−35", "0", "0"]);
  });

  it("counts only votes for a side in the share of wins", () => {
    const wins = [
      [0, 6],
      [2, 0],
    ];
    expect(winShare({ wins }, 0, 1)).toBe(0.75);
    expect(winShare({ wins }, 1, 0)).toBe(0.25);
    expect(
      winShare(
        {
          wins: [
            [0, 0],
            [0, 0],
          ],
        },
        0,
        1,
      ),
    ).toBeNull();
  });
});
