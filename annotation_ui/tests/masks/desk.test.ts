// @vitest-environment happy-dom
import { describe, expect, it, vi } from "vitest";
import { ApiProblem } from "../../src/api/client";
import type { Assisted, AssistPrompts, MaskTask } from "../../src/api/masks";
import { MaskDesk, type MaskWrite } from "../../src/masks/task/desk";
import { type MaskDraft, type MaskState, readDraft } from "../../src/masks/task/maskState";
import { maskOf, runLengths } from "../../src/photograph/columns";
import type { Skip } from "../../src/work/desk";
import { Journal } from "../../src/work/journal";
import { maskTask } from "./tasks";

const found: Assisted = {
  mask: { width: 4, height: 3, counts: [0, 6, 6] },
  segmenter: "test",
  duration_ms: 1,
};

async function atDesk(
  task: MaskTask,
  assist: (prompts: AssistPrompts, signal: AbortSignal) => Promise<Assisted> = async () => found,
  refuse?: ApiProblem,
) {
  const tasks = [task];
  const written: (MaskWrite | Skip)[] = [];
  localStorage.clear();
  const desk = new MaskDesk({
    api: {
      claim: async () => tasks.shift() ?? null,
      post: async (write) => {
        if (refuse) throw refuse;
        written.push(write);
      },
      heartbeat: async () => ({ work_item: "item", token: 1, lease_expires_at: "", lease_seconds: 60 }),
      saveDraft: async () => undefined,
      loadDraft: async () => null,
    },
    assist: (_item, prompts, signal) => assist(prompts, signal),
    journal: new Journal<MaskWrite | Skip, MaskDraft>("masks", "ada", readDraft),
    pause: async () => undefined,
  });
  await desk.start();
  const state = (): MaskState => {
    const { situation } = desk.snapshot();
    if (situation.kind !== "working") throw new Error(situation.kind);
    return situation.state;
  };
  return { desk, state, written };
}

const click = { x: 1, y: 1, positive: true };

describe("the desk of Stage 1", () => {
  it("asks with everything pointed at since, and the mask from before", async () => {
    const asked: AssistPrompts[] = [];
    const { desk, state } = await atDesk(maskTask(), async (prompts) => {
      asked.push(prompts);
      return found;
    });
    desk.click(click);
    await vi.waitFor(() => expect(runLengths(state().step.mask)).toEqual([0, 6, 6]));
    desk.click({ ...click, positive: false });
    await vi.waitFor(() => expect(asked).toHaveLength(2));
    expect(asked[1]?.clicks).toHaveLength(2);
    expect(asked[1]?.prior?.counts).toEqual([3, 2, 7]);
    desk.box({ left: 0, top: 0, right: 2, bottom: 2 });
    await vi.waitFor(() => expect(asked).toHaveLength(3));
    expect(asked[2]).toMatchObject({ clicks: [], prior: null });
  });

  it("drops an answer that a stroke by hand came before", async () => {
    let answer: (assisted: Assisted) => void = () => undefined;
    const { desk, state } = await atDesk(maskTask(), () => new Promise((resolve) => (answer = resolve)));
    desk.click(click);
    expect(state().asked).not.toBeNull();
    desk.draw(maskOf({ width: 4, height: 3, counts: [0, 12] }));
    answer(found);
    await Promise.resolve();
    expect(runLengths(state().step.mask)).toEqual([0, 12]);
  });

  it("says what to do where no help comes, and leaves the mask as it was", async () => {
    const problem = new ApiProblem(503, "nobody_answers", "No worker answered in time.", "Go on by hand.");
    const { desk, state } = await atDesk(maskTask(), async () => {
      throw problem;
    });
    desk.click(click);
    await vi.waitFor(() => expect(desk.snapshot().notice).toMatch(/Go on by hand/));
    expect(state().asked).toBeNull();
    expect(runLengths(state().step.mask)).toEqual([3, 2, 7]);
  });

  it("verifies what stands, refines what was changed, and proposes where nothing was", async () => {
    const { desk, written } = await atDesk(maskTask());
    await desk.accept();
    expect(written[0]).toMatchObject({
      kind: "submit",
      body: { verdict: "verify", mask: null, category: "" },
    });

    const refined = await atDesk(maskTask());
    refined.desk.draw(maskOf({ width: 4, height: 3, counts: [0, 12] }));
    refined.desk.setCategory("cup");
    await refined.desk.accept();
    expect(refined.written[0]).toMatchObject({
      body: { verdict: "refine", mask: { counts: [0, 12] }, category: "cup" },
    });

    const nothing = maskTask({
      wants_proposal: true,
      category: "",
      mask: { width: 4, height: 3, counts: [12] },
    });
    const proposing = await atDesk(nothing);
    await proposing.desk.accept();
    expect(proposing.desk.snapshot().notice).toMatch(/Nothing is marked/);
    proposing.desk.draw(maskOf({ width: 4, height: 3, counts: [0, 6, 6] }));
    await proposing.desk.accept();
    expect(proposing.written[0]).toMatchObject({ body: { verdict: "propose", mask: { counts: [0, 6, 6] } } });
  });

  it("sends another object before the task, and comes back to it", async () => {
    const { desk, state, written } = await atDesk(maskTask());
    desk.beginFurther();
    await desk.discard("partial"); // not while another object is marked
    expect(state().aside).not.toBeNull();
    desk.draw(maskOf({ width: 4, height: 3, counts: [9, 3] }));
    desk.setCategory("spoon");
    await desk.accept();
    expect(state().aside).toBeNull();
    await vi.waitFor(() => expect(desk.snapshot().notice).toMatch(/task of its own/));
    await desk.accept();
    expect(written.map(({ kind }) => kind)).toEqual(["further", "submit"]);
    expect(written[0]).toMatchObject({ body: { category: "spoon", mask: { counts: [9, 3] } } });
  });

  it("says why another object was not taken", async () => {
    const problem = new ApiProblem(422, "mask_refused", "This object is marked already.");
    const { desk } = await atDesk(maskTask(), async () => found, problem);
    desk.beginFurther();
    desk.draw(maskOf({ width: 4, height: 3, counts: [3, 2, 7] }));
    await desk.accept();
    await vi.waitFor(() =>
      expect(desk.snapshot().notice).toMatch(/not taken: This object is marked already/),
    );
  });
});
