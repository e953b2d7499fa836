// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { moved } from "../../src/alignment/pose/edits";
import type { AlignmentDraft } from "../../src/alignment/task/alignmentState";
import { readDraft } from "../../src/alignment/task/alignmentState";
import { AlignmentDesk, type AlignmentWrite } from "../../src/alignment/task/desk";
import type { AlignmentTask } from "../../src/api/alignments";
import { ApiProblem } from "../../src/api/client";
import type { DeskApi, Skip } from "../../src/work/desk";
import { Journal } from "../../src/work/journal";
import { FIRST, someTask } from "./tasks";

const SCORES = { silhouetteIou: 0.5, inlierShare: null };

/** A server with one task, which may refuse. */
class Server implements DeskApi<AlignmentTask, AlignmentWrite, void> {
  writes: (AlignmentWrite | Skip)[] = [];
  drafts: unknown[] = [];
  refusal: ApiProblem | null = null;

  constructor(private readonly queue: AlignmentTask[]) {}

  claim = vi.fn(async () => this.queue.shift() ?? null);
  post = vi.fn(async (write: AlignmentWrite | Skip) => {
    this.writes.push(write);
    if (this.refusal) throw this.refusal;
  });
  heartbeat = vi.fn(async () => ({
    work_item: "item-1",
    token: 3,
    lease_expires_at: "",
    lease_seconds: 600,
  }));
  saveDraft = vi.fn(async (_: string, content: unknown) => void this.drafts.push(content));
  loadDraft = vi.fn(async () => null);
}

let desk: AlignmentDesk;

async function sit(server: Server): Promise<AlignmentDesk> {
  const journal = new Journal<AlignmentWrite | Skip, AlignmentDraft>("alignment", "ada", readDraft);
  desk = new AlignmentDesk({ api: server, journal, pause: async () => undefined });
  await desk.start();
  return desk;
}

/** Hand in what is on the desk. */
async function submit(): Promise<void> {
  const { situation } = desk.snapshot();
  if (situation.kind !== "working" || !situation.state.pose) throw new Error(`the desk is ${situation.kind}`);
  await desk.submit(situation.state.task, situation.state.pose, SCORES);
}

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  desk.stop();
  vi.useRealTimers();
});

describe("the desk of Stage 3", () => {
  it("hands in the pose with the page's scores and what help did", async () => {
    const server = new Server([someTask()]);
    await sit(server);
    desk.place(moved(FIRST, [0.25, 0, 0]), "drag");
    await submit();
    expect(server.writes).toMatchObject([
      {
        kind: "submit",
        workItem: "item-1",
        body: {
          token: 3,
          pose: { rotation_wxyz: [0, 1, 0, 0], translation: [0.25, 0, 2], scale: [1, 1, 1] },
          not_alignable: "",
          client_silhouette_iou: 0.5,
          client_inlier_share: null,
          assistance: [],
          guideline_version: "g1",
        },
      },
    ]);
    expect(desk.snapshot().situation.kind).toBe("empty");
  });

  it("hands in no task but the one that was meant, and no other pose", async () => {
    const second = someTask({ work_item: "item-2" });
    const server = new Server([someTask(), second]);
    await sit(server);
    await desk.submit(second, FIRST, SCORES);
    const { situation } = desk.snapshot();
    const task = situation.kind === "working" ? situation.state.task : second;
    await desk.submit(task, moved(FIRST, [1, 0, 0]), SCORES);
    expect(server.writes).toEqual([]);
  });

  it("hands a task in once, however often that is asked for before the next one is there", async () => {
    const server = new Server([someTask(), someTask({ work_item: "item-2" })]);
    await sit(server);
    await Promise.all([submit(), submit()]);
    expect(server.writes).toHaveLength(1);
    expect(desk.snapshot().situation).toMatchObject({ state: { task: { work_item: "item-2" } } });
    await submit();
    expect(server.writes.map(({ workItem }) => workItem)).toEqual(["item-1", "item-2"]);
  });

  it("says why no pose can work, and sends none", async () => {
    const server = new Server([someTask()]);
    await sit(server);
    await desk.refuse("bad_mesh");
    expect(server.writes[0]).toMatchObject({ body: { not_alignable: "bad_mesh" } });
    expect(server.writes[0]).not.toHaveProperty("body.pose");
  });

  it("keeps back what the server would refuse, and says so", async () => {
    const server = new Server([someTask()]);
    await sit(server);
    desk.place(moved(FIRST, [0, 0, -3]), "numbers");
    await submit();
    expect(server.writes).toEqual([]);
    expect(desk.snapshot().notice).toContain("behind the camera");
  });

  it("keeps a pose as a draft that came too late", async () => {
    const server = new Server([someTask()]);
    server.refusal = new ApiProblem(409, "lease_superseded", "This work item is no longer yours.");
    await sit(server);
    desk.place(moved(FIRST, [0.25, 0, 0]), "drag");
    await submit();
    await vi.waitFor(() => expect(desk.snapshot().notice).toContain("kept as a draft"));
    expect(server.drafts.at(-1)).toMatchObject({ pose: { translation: [0.25, 0, 2] } });
  });

  it("takes a draft up where it stood", async () => {
    const first = new Server([someTask()]);
    await sit(first);
    desk.place(moved(FIRST, [0.25, 0, 0]), "drag");
    desk.stop();
    await sit(new Server([someTask()]));
    const { situation } = desk.snapshot();
    expect(situation).toMatchObject({ state: { pose: { translation: [0.25, 0, 2] } } });
  });

  it("begins where the page says when the task does not, and that is no draft", async () => {
    await sit(new Server([someTask({ initial_pose: null })]));
    desk.place(FIRST, "drag");
    expect(desk.snapshot().situation).toMatchObject({ state: { pose: null } });
    desk.begin(FIRST);
    expect(desk.snapshot()).toMatchObject({ draft: "server", situation: { state: { pose: FIRST } } });
  });
});
