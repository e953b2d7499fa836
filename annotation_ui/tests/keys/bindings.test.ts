import { describe, expect, it } from "vitest";
import {
  type Command,
  changedBindings,
  comboOf,
  commandFor,
  conflicts,
  defaultBindings,
  keyName,
  ownBindings,
  rebind,
} from "../../src/keys/bindings";
import { COMMANDS } from "../../src/selection/commands";

const pressed = (code: string, change: Partial<KeyboardEvent> = {}) =>
  comboOf({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...change });

const TWO: readonly Command[] = [
  { id: "left", label: "Left", contexts: ["compare"], combo: "ArrowLeft" },
  { id: "lower", label: "Lower", contexts: ["rate"], combo: "ArrowLeft" },
  { id: "undo", label: "Back", contexts: ["compare", "rate"], combo: "KeyU" },
];

describe("keys", () => {
  it("are places on the keyboard, so that they stay where they are in every language", () => {
    expect(pressed("KeyU")).toBe("KeyU");
    expect(pressed("Slash", { shiftKey: true })).toBe("Shift+Slash");
    expect(pressed("Numpad3")).toBe("Digit3");
    expect(pressed("NumpadEnter")).toBe("Enter");
  });

  it("leave modifiers and the browser's combinations alone", () => {
    expect(pressed("ShiftLeft", { shiftKey: true })).toBeNull();
    expect(pressed("KeyR", { ctrlKey: true })).toBeNull();
    expect(pressed("ArrowLeft", { altKey: true })).toBeNull();
  });

  it("mean what the situation wants", () => {
    const bindings = defaultBindings(TWO);
    expect(commandFor(TWO, bindings, "ArrowLeft", "compare")?.id).toBe("left");
    expect(commandFor(TWO, bindings, "ArrowLeft", "rate")?.id).toBe("lower");
    expect(commandFor(TWO, bindings, "ArrowLeft", "stopped")).toBeUndefined();
  });

  it("of the selection page are free of conflicts as they come", () => {
    expect(conflicts(COMMANDS, defaultBindings(COMMANDS))).toEqual([]);
  });

  it("are refused where another command of the same situation has them, or the browser does", () => {
    const bindings = defaultBindings(TWO);
    expect(rebind(TWO, bindings, "undo", "ArrowLeft")).toEqual({ refused: "← is taken by “Left”." });
    expect(rebind(TWO, bindings, "undo", "F5")).toHaveProperty("refused");
    expect(rebind(TWO, bindings, "undo", "KeyB")).toEqual({ bindings: { ...bindings, undo: "KeyB" } });
  });

  it("are kept as what differs from the defaults", () => {
    const changed = { ...defaultBindings(TWO), undo: "KeyB" };
    expect(changedBindings(TWO, changed)).toEqual({ undo: "KeyB" });
    expect(changedBindings(TWO, defaultBindings(TWO))).toEqual({});
    expect(ownBindings(TWO, { undo: "KeyB" })).toEqual(changed);
  });

  it("fall back to the defaults where what was kept no longer fits", () => {
    for (const odd of [{ undo: "ArrowLeft" }, { gone: "KeyX" }, { undo: 3 }, null, "KeyX"]) {
      expect(ownBindings(TWO, odd)).toEqual(defaultBindings(TWO));
    }
  });

  it("are named as on the keyboard", () => {
    expect(["ArrowLeft", "KeyU", "Digit4", "Shift+Slash", "Enter"].map(keyName)).toEqual([
      "←",
      "U",
      "4",
      "⇧/",
      "⏎",
    ]);
  });
});
