// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem, UNREACHABLE } from "../../src/api/client";
import type { Answer, Progress, SelectionTask } from "../../src/api/selections";
import { type SelectionApi, SelectionDesk, type SelectionWrite } from "../../src/selection/task/desk";
import { type RatingDraft, readDraft } from "../../src/selection/task/taskState";
import type { Skip } from "../../src/work/desk";
import { Journal } from "../../src/work/journal";

type Write = SelectionWrite | Skip;

import { RATING, SECOND_ROUND, someTask, toBeRated } from "./tasks";

const OFFLINE = new ApiProblem(UNREACHABLE, "unreachable", "The server cannot be reached.");
const SUPERSEDED = new ApiProblem(409, "lease_superseded", "This work item is no longer yours.");

/** A server with a queue of tasks; each answer leads to the next of `progress`. */
class Server implements SelectionApi {
  writes: Write[] = [];
  drafts: unknown[] = [];
  heartbeats: string[] = [];
  failures: (ApiProblem | undefined)[] = [];
  held: SelectionTask[] = [];

  constructor(
    public queue: SelectionTask[],
    public progress: Progress[] = [SECOND_ROUND, RATING],
  ) {}

  claim = vi.fn(async ({ prefetch }: { prefetch: boolean; key: string }) => {
    if (this.held.length > (prefetch ? 1 : 0)) return this.held[0] ?? null;
    const next = this.queue.shift() ?? null;
    if (next) this.held.push(next);
    return next;
  });
  read = vi.fn(async (workItem: string) =>
    someTask({ work_item: workItem, ...SECOND_ROUND, answers: ["left"] }),
  );
  post = vi.fn(async (write: Write) => {
    this.writes.push(write);
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (write.kind === "answer") return this.progress.shift() ?? RATING;
    if (write.kind === "undo") return SECOND_ROUND;
    this.held = this.held.filter((task) => task.work_item !== write.workItem);
    return null;
  });
  heartbeat = vi.fn(async (workItem: string) => {
    this.heartbeats.push(workItem);
    return { work_item: workItem, token: 3, lease_expires_at: "", lease_seconds: 300 };
  });
  saveDraft = vi.fn(async (_: string, content: unknown) => void this.drafts.push(content));
  loadDraft = vi.fn(async (): Promise<{ content: unknown; savedAt: number } | null> => null);
}

let desk: SelectionDesk;
const journal = () => new Journal<Write, RatingDraft>("selection", "ada", readDraft);

async function open(server: Server): Promise<SelectionDesk> {
  desk = new SelectionDesk({ api: server, journal: journal(), pause: async () => undefined });
  await desk.start();
  return desk;
}

/** Look long enough at the pair that the answer counts, then give it. */
async function answer(choice: Answer): Promise<void> {
  await vi.advanceTimersByTimeAsync(1_000);
  await desk.answer(choice);
}

const situation = () => desk.snapshot().situation;
function working() {
  const now = situation();
  if (now.kind !== "working") throw new Error(`the desk is ${now.kind}`);
  return now.state;
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  desk.stop();
  vi.useRealTimers();
});

describe("the desk", () => {
  it("leads from the first pair to the rating and on to the next task, which it has claimed ahead", async () => {
    const server = new Server([someTask(), someTask({ work_item: "item-2" })]);
    await open(server);
    await answer("left");
    expect(working().standing.round).toBe(2);
    await answer("left");
    await vi.advanceTimersByTimeAsync(0);
    expect(desk.snapshot().next?.work_item).toBe("item-2");
    desk.rate(0.8);
    await desk.submit();
    expect(working().task.work_item).toBe("item-2");
    expect(desk.snapshot()).toMatchObject({ next: null, submitted: 1, unsent: 0 });
    expect(server.writes.map((write) => write.kind)).toEqual(["answer", "answer", "submit"]);
    expect(server.writes[0]).toMatchObject({
      body: { answer: "left", pair: { left: "a", right: "b" }, token: 3 },
    });
    expect(server.writes[2]).toMatchObject({
      body: { rating: 0.8, failure_reason: "", guideline_version: "g1", rubric_version: "r1" },
    });
    expect(journal().unsent).toEqual([]);
  });

  it("sends a second click nowhere", async () => {
    const server = new Server([someTask()]);
    await open(server);
    await vi.advanceTimersByTimeAsync(1_000);
    await Promise.all([desk.answer("left"), desk.answer("left"), desk.answer("right")]);
    expect(server.writes).toHaveLength(1);
  });

  it("shows the next pair before the server has the answer", async () => {
    const server = new Server([someTask()]);
    await open(server);
    let arrive = () => {};
    server.post.mockImplementationOnce(
      () => new Promise((resolve) => (arrive = () => resolve(SECOND_ROUND))),
    );
    const sent = answer("left");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(working().standing.pair).toEqual({ left: "c", right: "a" });
    expect(desk.snapshot().unsent).toBe(1);
    arrive();
    await sent;
    expect(desk.snapshot().unsent).toBe(0);
  });

  it("gives again what was taken back", async () => {
    const server = new Server([someTask()], [SECOND_ROUND, SECOND_ROUND]);
    await open(server);
    await answer("left");
    server.post.mockImplementationOnce(async (write) => {
      server.writes.push(write);
      return { ...SECOND_ROUND, pair: { left: "a", right: "b" } };
    });
    await desk.undo();
    expect(working()).toMatchObject({ standing: { round: 1 }, takenBack: ["left"] });
    await vi.advanceTimersByTimeAsync(1_000);
    await desk.redo();
    expect(working()).toMatchObject({ standing: { round: 2 }, takenBack: [] });
    expect(server.writes.map((write) => write.kind)).toEqual(["answer", "undo", "answer"]);
    expect(server.read).not.toHaveBeenCalled();
  });

  it("goes by the server where it says that another pair is on show", async () => {
    const server = new Server([someTask()], [{ ...SECOND_ROUND, pair: { left: "c", right: "b" } }]);
    await open(server);
    await answer("left");
    await vi.advanceTimersByTimeAsync(0);
    expect(server.read).toHaveBeenCalledTimes(1);
    expect(desk.snapshot().notice).toMatch(/moved on/);
  });

  it("sends an answer again under the same key until the server has it", async () => {
    const server = new Server([someTask()]);
    await open(server);
    server.failures = [OFFLINE, new ApiProblem(503, "error", "Busy."), OFFLINE];
    const connections = new Set<string>();
    desk.subscribe(() => connections.add(desk.snapshot().connection));
    server.progress = [{ ...SECOND_ROUND, pair: { left: "c", right: "b" } }];
    await answer("right");
    expect(server.writes).toHaveLength(4);
    expect(new Set(server.writes.map((write) => write.key)).size).toBe(1);
    expect(connections).toContain("unreachable");
    expect(desk.snapshot().connection).toBe("ok");
    expect(working().standing.round).toBe(2);
  });

  it("sends after a reload what the page before could not, then takes up the task", async () => {
    const left: Write = { key: "k", workItem: "item-1", kind: "undo", token: 3 };
    journal().addUnsent(left);
    const server = new Server([someTask()]);
    await open(server);
    expect(server.writes).toEqual([left]);
    expect(server.post.mock.invocationCallOrder[0]).toBeLessThan(
      server.claim.mock.invocationCallOrder[0] ?? 0,
    );
    expect(journal().unsent).toEqual([]);
    expect(working().task.work_item).toBe("item-1");
  });

  it("keeps a rating here at once and on the server soon, and finds it after a reload", async () => {
    const server = new Server([toBeRated()]);
    await open(server);
    desk.rate(0.3);
    desk.giveReason("occlusion");
    expect(desk.snapshot().draft).toBe("saving");
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.drafts).toEqual([{ winner: "c", rating: 0.3, reason: "occlusion" }]);
    expect(desk.snapshot().draft).toBe("server");
    desk.stop();
    await open(new Server([toBeRated()]));
    expect(working().given).toMatchObject({ rating: 0.3, reason: "occlusion" });
  });

  it("takes the server's draft where it is newer: the person changed machines", async () => {
    const server = new Server([toBeRated()]);
    server.loadDraft.mockResolvedValue({
      content: { winner: "c", rating: 0.7, reason: "" },
      savedAt: Date.now() + 1,
    });
    await open(server);
    await vi.advanceTimersByTimeAsync(0);
    expect(working().given?.rating).toBe(0.7);
  });

  it("says what is missing instead of sending it", async () => {
    const server = new Server([toBeRated()]);
    await open(server);
    desk.rate(0.3);
    await desk.submit();
    expect(desk.snapshot().notice).toMatch(/why it is under the bar/);
    expect(server.writes).toEqual([]);
  });

  it("explains a lost lease, keeps the rating as a draft, and goes on when asked", async () => {
    const server = new Server([toBeRated(), someTask({ work_item: "item-2" })]);
    await open(server);
    desk.rate(0.9);
    server.failures = [SUPERSEDED];
    await desk.undo();
    expect(situation()).toMatchObject({ kind: "stopped", title: "This task is no longer yours" });
    await vi.advanceTimersByTimeAsync(0);
    expect(server.drafts).toEqual([{ winner: "c", rating: 0.9, reason: "" }]);
    server.held = [];
    server.queue = [someTask({ work_item: "item-3" })];
    await desk.goOn();
    expect(working().task.work_item).toBe("item-3");
  });

  it("tells of a rating that came too late, and keeps it as a draft", async () => {
    const server = new Server([toBeRated(), someTask({ work_item: "item-2" })]);
    await open(server);
    await vi.advanceTimersByTimeAsync(0);
    desk.rate(0.9);
    server.failures = [SUPERSEDED];
    await desk.submit();
    expect(working().task.work_item).toBe("item-2");
    expect(desk.snapshot().notice).toMatch(/somebody else had taken that task over/);
    expect(server.drafts).toEqual([{ winner: "c", rating: 0.9, reason: "" }]);
  });

  it("reads a task again that moved on in another window", async () => {
    const server = new Server([someTask()]);
    await open(server);
    server.failures = [new ApiProblem(409, "pair_moved_on", "This pair is not on show.")];
    await answer("left");
    expect(server.read).toHaveBeenCalledWith("item-1");
    expect(working().standing.round).toBe(2);
    expect(desk.snapshot().notice).toMatch(/another window/);
  });

  it("extends the lease while the person is there, stops when not, and takes it up again", async () => {
    const server = new Server([someTask()]);
    await open(server);
    await vi.advanceTimersByTimeAsync(76_000);
    expect(server.heartbeats).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(50_000);
    expect(desk.snapshot().idle).toBe(true);
    await vi.advanceTimersByTimeAsync(600_000);
    expect(server.heartbeats).toHaveLength(1);
    desk.sign();
    await vi.advanceTimersByTimeAsync(0);
    expect(desk.snapshot().idle).toBe(false);
    expect(server.heartbeats).toHaveLength(2);
  });

  it("counts only the time that somebody was there", async () => {
    const server = new Server([someTask()]);
    await open(server);
    await vi.advanceTimersByTimeAsync(3_000);
    desk.sign();
    await vi.advanceTimersByTimeAsync(3_600_000);
    await desk.answer("left");
    expect(server.writes[0]).toMatchObject({ body: { duration_ms: 3_000 + 120_000 } });
  });

  it("looks again by itself when the queue was empty", async () => {
    const server = new Server([]);
    await open(server);
    expect(situation().kind).toBe("empty");
    server.queue = [someTask()];
    await vi.advanceTimersByTimeAsync(16_000);
    expect(situation().kind).toBe("working");
  });

  it("skips with a reason and goes on", async () => {
    const server = new Server([someTask(), someTask({ work_item: "item-2" })]);
    await open(server);
    await desk.skip("unclear", "two cups");
    expect(server.writes[0]).toMatchObject({
      kind: "skip",
      body: { token: 3, reason: "unclear", note: "two cups" },
    });
    expect(working().task.work_item).toBe("item-2");
  });
});
