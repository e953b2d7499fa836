import { afterEach, expect, it, vi } from "vitest";
import { creasedNormals } from "../../src/selection/scene/creasedNormals";
import type { CreasesWanted } from "../../src/selection/scene/creases";

const positions = () => new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0]);
const index = () => new Uint32Array([0, 1, 2]);

/** A thread that answers what it is asked last first, and breaks when it is told to. */
class Thread {
  static all: Thread[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;
  terminate = vi.fn();
  asked: CreasesWanted[] = [];

  constructor() {
    Thread.all.push(this);
  }

  postMessage(wanted: CreasesWanted): void {
    this.asked.push(wanted);
  }

  answerAll(): void {
    for (const { ticket, positions: given, index: faces, creaseRadians } of this.asked.reverse())
      this.onmessage?.({ data: { ticket, corners: creasedNormals(given, faces, creaseRadians) } });
  }
}

afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
  Thread.all = [];
});

it("gives each its own answer, whatever the order in which the thread has them", async () => {
  vi.stubGlobal("Worker", Thread);
  const { creasesOf } = await import("../../src/selection/scene/creases");
  const small = creasesOf(positions(), index(), 0.7);
  const large = creasesOf(
    positions().map((value) => 5 * value),
    index(),
    0.7,
  );
  expect(Thread.all).toHaveLength(1);
  Thread.all[0]?.answerAll();
  expect(Math.max(...(await small).positions)).toBe(1);
  expect(Math.max(...(await large).positions)).toBe(5);
});

it("says so when the thread breaks, and starts another one for the next shape", async () => {
  vi.stubGlobal("Worker", Thread);
  const { creasesOf } = await import("../../src/selection/scene/creases");
  const lost = creasesOf(positions(), index(), 0.7);
  Thread.all[0]?.onerror?.({ message: "out of memory" });
  await expect(lost).rejects.toThrow("The normals could not be computed: out of memory");
  expect(Thread.all[0]?.terminate).toHaveBeenCalledOnce();
  const next = creasesOf(positions(), index(), 0.7);
  expect(Thread.all).toHaveLength(2);
  Thread.all[1]?.answerAll();
  expect((await next).normals.slice(0, 3)).toEqual(new Float32Array([0, 0, 1]));
});
