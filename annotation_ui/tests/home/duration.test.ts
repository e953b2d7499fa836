import { expect, it } from "vitest";
import { seconds } from "../../src/home/duration";

it.each([
  [800, "0.8 s"],
  [41_400, "41 s"],
  [59_900, "1 min 0 s"],
  [150_000, "2 min 30 s"],
])("says %i ms as %s", (durationMs, said) => {
  expect(seconds(durationMs)).toBe(said);
});
