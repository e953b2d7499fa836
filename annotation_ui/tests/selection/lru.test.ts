import { describe, expect, it, vi } from "vitest";
import { Lru } from "../../src/selection/scene/lru";

describe("the cache", () => {
  it("drops what was used longest ago once the budget is spent, and disposes of it", () => {
    const gone: string[] = [];
    const cache = new Lru<number>(10, (_, key) => gone.push(key));
    cache.set("a", 1, 4);
    cache.set("b", 2, 4);
    expect(cache.get("a")).toBe(1);
    cache.set("c", 3, 4);
    expect(gone).toEqual(["b"]);
    expect([cache.size, cache.count]).toEqual([8, 2]);
  });

  it("keeps what is protected, over the budget if need be, and lets it go afterwards", () => {
    const gone: string[] = [];
    const cache = new Lru<number>(5, (_, key) => gone.push(key));
    cache.protect(["a", "b"]);
    cache.set("a", 1, 4);
    cache.set("b", 2, 4);
    expect(gone).toEqual([]);
    cache.protect(["b"]);
    expect(gone).toEqual(["a"]);
    cache.clear();
    expect(gone).toEqual(["a", "b"]);
  });

  it("disposes of a value that another one replaces", () => {
    const dispose = vi.fn();
    const cache = new Lru<string>(10, dispose);
    cache.set("a", "old", 1);
    cache.set("a", "new", 1);
    expect(dispose).toHaveBeenCalledExactlyOnceWith("old", "a");
    expect(cache.size).toBe(1);
  });
});
