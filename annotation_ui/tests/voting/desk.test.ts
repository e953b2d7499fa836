// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BallotTask } from "../../src/api/ballots";
import { ApiProblem, UNREACHABLE } from "../../src/api/client";
import type { Answer } from "../../src/api/selections";
import type { Said, StepWrite } from "../../src/selection/task/comparingDesk";
import { type HandInWrite, VotingDesk } from "../../src/voting/desk";
import type { Skip } from "../../src/work/desk";
import { Journal } from "../../src/work/journal";

type Write = StepWrite | HandInWrite | Skip;

const OFFLINE = new ApiProblem(UNREACHABLE, "unreachable", "The server cannot be reached.");

/** Two models: one round. */
function ballot(change: Partial<BallotTask> = {}): BallotTask {
  return {
    work_item: "item-1",
    token: 3,
    lease_expires_at: null,
    lease_seconds: 300,
    reviewer_note: "",
    image: { preview_url: null, url: "/photo.png", width: 8, height: 6 },
    mask: { height: 6, width: 8, counts: [12, 3, 33] },
    category: "mug",
    description: "",
    modality: "shape",
    candidates: ["a", "b"].map((id) => ({ presentation_id: id, mesh_url: `/meshes/${id}` })),
    layouts: [{ staying_side: "right", kept_if_equal: "left" }],
    answers: [],
    taken_back: [],
    pair: { left: "b", right: "a" },
    round: 1,
    rounds: 1,
    phase: "compare",
    winner: null,
    can_undo: false,
    guidelines: { version: "voting-v1", markdown: "" },
    ...change,
  };
}

class Server {
  writes: Write[] = [];
  failures: (ApiProblem | undefined)[] = [];
  held: BallotTask[] = [];
  winner = "b";

  constructor(public queue: BallotTask[]) {}

  claim = vi.fn(async ({ prefetch }: { prefetch: boolean; key: string }) => {
    if (this.held.length > (prefetch ? 1 : 0)) return this.held[0] ?? null;
    const next = this.queue.shift() ?? null;
    if (next) this.held.push(next);
    return next;
  });
  read = vi.fn(async (workItem: string) => ballot({ work_item: workItem }));
  post = vi.fn(async (write: Write): Promise<Said> => {
    this.writes.push(write);
    const failure = this.failures.shift();
    if (failure) throw failure;
    if (write.kind === "answer") return { pair: null, winner: this.winner };
    if (write.kind === "undo") return { pair: { left: "b", right: "a" }, winner: null };
    this.held = this.held.filter((task) => task.work_item !== write.workItem);
    return null;
  });
  heartbeat = vi.fn(async (workItem: string) => ({
    work_item: workItem,
    token: 3,
    lease_expires_at: "",
    lease_seconds: 300,
  }));
  saveDraft = vi.fn(async () => undefined);
  loadDraft = vi.fn(async () => null);
}

let desk: VotingDesk;

async function open(server: Server): Promise<void> {
  const journal = new Journal<Write, never>("voting", "ada", () => null);
  desk = new VotingDesk({ api: server, journal, pause: async () => undefined });
  await desk.start();
}

async function vote(choice: Answer): Promise<void> {
  await vi.advanceTimersByTimeAsync(1_000);
  await desk.answer(choice);
}

async function handIn(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1_000);
  await desk.handIn();
}

function standing() {
  const { situation } = desk.snapshot();
  if (situation.kind !== "working") throw new Error(`the desk is ${situation.kind}`);
  return situation.state.standing;
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  desk.stop();
  vi.useRealTimers();
});

describe("a ballot", () => {
  it("is voted on and handed in, and the next one lies there at once", async () => {
    const server = new Server([ballot(), ballot({ work_item: "item-2" })]);
    await open(server);
    await vote("left");
    expect(standing()).toMatchObject({ winner: "b", pair: null });
    await handIn();
    expect(server.writes.map(({ kind, workItem }) => [kind, workItem])).toEqual([
      ["answer", "item-1"],
      ["hand_in", "item-1"],
    ]);
    const { situation } = desk.snapshot();
    expect(situation.kind === "working" && situation.state.task.work_item).toBe("item-2");
    expect(desk.snapshot().submitted).toBe(1);
  });

  it("is not handed in before its last pair, and says so", async () => {
    const server = new Server([ballot()]);
    await open(server);
    await handIn();
    expect(server.writes).toEqual([]);
    expect(desk.snapshot().notice).toBe("Vote on the remaining pairs first.");
  });

  it("is not handed in by the second click on its last pair", async () => {
    const server = new Server([ballot()]);
    await open(server);
    await vote("left");
    await desk.handIn();
    expect(server.writes.map(({ kind }) => kind)).toEqual(["answer"]);
    expect(standing().winner).toBe("b");
  });

  it("takes the last vote back, also after the last pair, and gives it again", async () => {
    const server = new Server([ballot()]);
    await open(server);
    await vote("left");
    await desk.undo();
    expect(standing()).toMatchObject({ pair: { left: "b", right: "a" }, winner: null });
    await vi.advanceTimersByTimeAsync(1_000);
    await desk.redo();
    expect(standing().winner).toBe("b");
    expect(server.writes.map(({ kind }) => kind)).toEqual(["answer", "undo", "answer"]);
  });

  it("loses no vote while the server is away", async () => {
    const server = new Server([ballot()]);
    server.failures = [OFFLINE, OFFLINE];
    await open(server);
    await vote("right");
    server.winner = "a";
    await vi.advanceTimersByTimeAsync(5_000);
    const keys = new Set(server.writes.map(({ key }) => key));
    expect([server.writes.length > 1, keys.size]).toEqual([true, 1]);
  });

  it("keeps no draft on the server: a vote is sent or it is not", async () => {
    const server = new Server([ballot()]);
    await open(server);
    await vote("equal");
    await vi.advanceTimersByTimeAsync(5_000);
    expect(server.saveDraft).not.toHaveBeenCalled();
  });
});
