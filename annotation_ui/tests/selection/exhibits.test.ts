import { Object3D } from "three";
import { describe, expect, it, vi } from "vitest";
import type { Exhibit } from "../../src/selection/scene/exhibit";
import { Exhibits } from "../../src/selection/scene/exhibits";
import type { Wanted } from "../../src/selection/scene/loadExhibit";

const exhibit = (dispose = () => {}): Exhibit => ({ object: new Object3D(), bottom: -0.5, dispose });
const wanted = (...ids: string[]): Wanted[] => ids.map((id) => ({ id, url: `/${id}`, kind: "shape" }));
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe("the exhibits of tasks", () => {
  it("are loaded once each, and disposed of when other tasks need the room", async () => {
    const disposed: string[] = [];
    const load = vi.fn(async ({ id }: Wanted) => exhibit(() => disposed.push(id)));
    const exhibits = new Exhibits({ load, mostKept: 2, onChange: () => undefined });
    exhibits.want(wanted("a", "b", "c", "d"));
    await settle();
    exhibits.want(wanted("a", "b", "c", "d"));
    await settle();
    expect(load).toHaveBeenCalledTimes(4);
    expect(disposed).toEqual([]);
    exhibits.want(wanted("e"));
    await settle();
    expect(disposed).toEqual(["a", "b", "c"]);
    exhibits.dispose();
    expect(disposed).toHaveLength(5);
  });

  it("that do not load say so, are reported, and load when tried again", async () => {
    const load = vi.fn(async () => exhibit());
    load.mockRejectedValueOnce(new Error("no mesh"));
    const onFailed = vi.fn();
    const exhibits = new Exhibits({ load, onFailed, onChange: () => undefined });
    exhibits.want(wanted("a"));
    expect(exhibits.stateOf("a")).toBe("loading");
    await settle();
    expect(exhibits.stateOf("a")).toBe("failed");
    expect(onFailed).toHaveBeenCalledExactlyOnceWith("a");
    exhibits.retry("a");
    await settle();
    expect(exhibits.stateOf("a")).toBe("ready");
  });

  it("that nobody wants any more are not kept when they arrive", async () => {
    const dispose = vi.fn();
    const onFailed = vi.fn();
    let arrive = () => {};
    const load = () => new Promise<Exhibit>((resolve) => (arrive = () => resolve(exhibit(dispose))));
    const exhibits = new Exhibits({ load, onFailed, onChange: () => undefined });
    exhibits.want(wanted("a"));
    exhibits.want([]);
    arrive();
    await settle();
    expect(dispose).toHaveBeenCalledOnce();
    expect(exhibits.get("a")).toBeNull();
    expect(onFailed).not.toHaveBeenCalled();
  });
});
