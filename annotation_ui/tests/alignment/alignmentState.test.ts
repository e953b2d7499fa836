import { describe, expect, it } from "vitest";
import { moved } from "../../src/alignment/pose/edits";
import type { Pose } from "../../src/alignment/pose/pose";
import { NO_SCORES } from "../../src/alignment/scores/scores";
import {
  type AlignmentState,
  begun,
  draftOf,
  type EditKind,
  helped,
  openAlignment,
  placed,
  readDraft,
  reportOf,
  stepBack,
  stepForward,
} from "../../src/alignment/task/alignmentState";
import { FIRST, someTask } from "./tasks";

const BEFORE = { silhouetteIou: 0.5, inlierShare: 0.25 };
const AFTER = { silhouetteIou: 0.75, inlierShare: null };
const right = (steps: number): Pose => moved(FIRST, [steps, 0, 0]);
const x = ({ pose }: AlignmentState) => pose?.translation[0];

function edited(...edits: [number, EditKind, number][]): AlignmentState {
  return edits.reduce(
    (state, [steps, kind, at]) => placed(state, right(steps), kind, at),
    openAlignment(someTask()),
  );
}

describe("the history of a pose", () => {
  it("goes back and forward through every change, exactly", () => {
    let state = edited([1, "drag", 0], [2, "turn", 0], [3, "numbers", 0]);
    const poses = [state.pose];
    for (const expected of [2, 1, 0, 0]) {
      state = stepBack(state);
      expect(x(state)).toBe(expected);
    }
    for (const expected of [1, 2, 3, 3]) {
      state = stepForward(state);
      expect(x(state)).toBe(expected);
    }
    expect(state.pose).toBe(poses[0]);
  });

  it("forgets what was taken back once something else is done", () => {
    const state = placed(stepBack(edited([1, "drag", 0], [2, "drag", 0])), right(9), "drag", 0);
    expect(x(stepForward(state))).toBe(9);
    expect(x(stepBack(state))).toBe(1);
  });

  it("takes presses of a held key as one change, and those after a pause as another", () => {
    const state = edited([1, "nudge", 1000], [2, "nudge", 1400], [3, "nudge", 1890], [4, "nudge", 2500]);
    expect(x(stepBack(state))).toBe(3);
    expect(x(stepBack(stepBack(state)))).toBe(0);
  });

  it("does not add a nudge to a change that was redone", () => {
    const state = placed(stepForward(stepBack(edited([1, "nudge", 1000]))), right(2), "nudge", 1100);
    expect(x(stepBack(state))).toBe(1);
  });

  it("knows no change from a pose to itself", () => {
    const state = edited([1, "drag", 0]);
    expect(placed(state, right(1), "drag", 0)).toBe(state);
  });

  it("begins where it is told when the task says nothing, and that is no change", () => {
    const empty = openAlignment(someTask({ initial_pose: null }));
    expect(placed(empty, FIRST, "drag", 0)).toBe(empty);
    const state = begun(empty, FIRST);
    expect(state.pose).toBe(FIRST);
    expect(begun(state, right(1))).toBe(state);
    expect(draftOf(state)).toBeNull();
  });
});

describe("what is told of help", () => {
  const use = { aid: "snap", pose: right(1), before: BEFORE, after: AFTER } as const;

  it("says what it did and that it was kept", () => {
    expect(reportOf(helped(edited(), use, 0))).toEqual([
      {
        kind: "snap",
        silhouette_iou_before: 0.5,
        silhouette_iou_after: 0.75,
        inlier_share_before: 0.25,
        inlier_share_after: null,
        kept: true,
      },
    ]);
  });

  it("undone is not kept, redone is again, and each time for itself", () => {
    const twice = helped(helped(edited(), use, 0), { ...use, pose: right(2) }, 0);
    const kept = (state: AlignmentState) => reportOf(state).map((report) => report.kept);
    expect(kept(twice)).toEqual([true, true]);
    expect(kept(stepBack(twice))).toEqual([true, false]);
    expect(kept(stepForward(stepBack(twice)))).toEqual([true, true]);
  });

  it("of which nothing was taken is not kept, and changes nothing", () => {
    const state = helped(edited([1, "drag", 0]), { ...use, pose: null }, 0);
    expect(x(state)).toBe(1);
    expect(reportOf(state)[0]?.kept).toBe(false);
  });

  it("whose pose was there already is not kept: it did nothing", () =>
    expect(reportOf(helped(edited(), { ...use, pose: FIRST }, 0))[0]?.kept).toBe(false));
});

describe("a draft", () => {
  const state = helped(
    edited([1, "drag", 0]),
    { aid: "snap", pose: right(2), before: BEFORE, after: AFTER },
    0,
  );

  it("goes on where it stood, with the first pose one step back", () => {
    const again = openAlignment(someTask(), readDraft(JSON.parse(JSON.stringify(draftOf(state)))));
    expect(x(again)).toBe(2);
    expect(x(stepBack(again))).toBe(0);
    expect(reportOf(again)).toEqual(reportOf(state));
    expect(reportOf(stepBack(again))[0]?.kept).toBe(false);
  });

  it("of an untouched task is none, and going back to the start is one", () => {
    expect(draftOf(edited())).toBeNull();
    expect(draftOf(stepBack(edited([1, "drag", 0])))).toEqual({ pose: FIRST, uses: [] });
  });

  it("keeps its pose where the task has none", () => {
    const again = openAlignment(someTask({ initial_pose: null }), draftOf(state));
    expect(x(again)).toBe(2);
    expect(stepBack(again)).toBe(again);
  });

  it.each([
    null,
    {},
    "pose",
    { pose: { rotation_wxyz: [1, 0, 0], translation: [0, 0, 1], scale: [1, 1, 1] } },
    { pose: { rotation_wxyz: [1, 0, 0, 0], translation: [0, 0, "1"], scale: [1, 1, 1] } },
  ])("that says nothing is none: %o", (content) => expect(readDraft(content)).toBeNull());

  it("loses uses that nobody can read, and keeps the pose", () => {
    const wrong = {
      pose: FIRST,
      uses: [{ aid: "magic" }, { aid: "snap", before: NO_SCORES, after: 7, kept: true }],
    };
    expect(readDraft(wrong)).toEqual({ pose: FIRST, uses: [] });
  });
});
