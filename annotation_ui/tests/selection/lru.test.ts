import { BufferAttribute, BufferGeometry } from "three";
import { describe, expect, it, vi } from "vitest";
import { Lru } from "../../src/selection/scene/lru";
import { Shapes } from "../../src/selection/scene/shapes";

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

describe("the shapes of tasks", () => {
  const shape = () =>
    new BufferGeometry().setAttribute("position", new BufferAttribute(new Float32Array(9), 3));
  const wanted = (...ids: string[]) => ids.map((id) => ({ id, url: `/${id}` }));
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

  it("are loaded once each, and disposed of when other tasks need the room", async () => {
    const disposed: string[] = [];
    const load = vi.fn(async (url: string) => {
      const loaded = shape();
      loaded.addEventListener("dispose", () => disposed.push(url));
      return loaded;
    });
    const shapes = new Shapes({ load, mostKept: 2, onChange: () => undefined });
    shapes.want(wanted("a", "b", "c", "d"));
    await settle();
    shapes.want(wanted("a", "b", "c", "d"));
    await settle();
    expect(load).toHaveBeenCalledTimes(4);
    expect(disposed).toEqual([]);
    shapes.want(wanted("e"));
    await settle();
    expect(disposed).toEqual(["/a", "/b", "/c"]);
    shapes.dispose();
    expect(disposed).toHaveLength(5);
  });

  it("that do not load say so, and load when tried again", async () => {
    const load = vi.fn(async () => shape());
    load.mockRejectedValueOnce(new Error("no mesh"));
    const shapes = new Shapes({ load, onChange: () => undefined });
    shapes.want(wanted("a"));
    expect(shapes.stateOf("a")).toBe("loading");
    await settle();
    expect(shapes.stateOf("a")).toBe("failed");
    shapes.retry("a");
    await settle();
    expect(shapes.stateOf("a")).toBe("ready");
  });

  it("that nobody wants any more are not kept when they arrive", async () => {
    const late = shape();
    const dispose = vi.spyOn(late, "dispose");
    let arrive = () => {};
    const load = () => new Promise<BufferGeometry>((resolve) => (arrive = () => resolve(late)));
    const shapes = new Shapes({ load, onChange: () => undefined });
    shapes.want(wanted("a"));
    shapes.want([]);
    arrive();
    await settle();
    expect(dispose).toHaveBeenCalledOnce();
    expect(shapes.get("a")).toBeNull();
  });
});
