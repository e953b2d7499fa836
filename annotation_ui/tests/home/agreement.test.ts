import { expect, test } from "vitest";
import { agreementText } from "../../src/home/agreement";

test("three of four are no 75 percent", () => {
  const few = { compared: 4, agreeing: 3, share: 0.75, interval: { low: 0.3, high: 0.954 }, enough: false };
  expect(agreementText(few)).toBe("3 of 4 the same: too few to say more");
});

test("many come with what they are worth", () => {
  const many = {
    compared: 40,
    agreeing: 31,
    share: 0.775,
    interval: { low: 0.625, high: 0.877 },
    enough: true,
  };
  expect(agreementText(many)).toBe("78 % (31 of 40 the same; likely between 63 and 88 %)");
});
