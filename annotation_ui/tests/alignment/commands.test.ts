import { describe, expect, it } from "vitest";
import { COMMANDS, PRESETS } from "../../src/alignment/commands";
import { conflicts, rebind } from "../../src/keys/bindings";

describe.each(PRESETS)("the keys of $label", ({ bindings }) => {
  it("give every command a key, and no key two commands at once", () => {
    expect(Object.keys(bindings).sort()).toEqual(COMMANDS.map(({ id }) => id).sort());
    const clashes = conflicts(COMMANDS, bindings).map((pair) => pair.map(({ id }) => id));
    expect(clashes).toEqual([]);
  });

  it("leave the browser its own", () => {
    for (const { id } of COMMANDS) {
      const kept = rebind(COMMANDS, bindings, id, bindings[id] as string);
      expect(kept).toEqual({ bindings });
    }
  });
});
