import type { Progress, SelectionTask } from "../../src/api/selections";

/** A selection among three: two rounds. "a" stays on the left first; in the second round whoever stays is right. */
export function someTask(change: Partial<SelectionTask> = {}): SelectionTask {
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
    candidates: ["a", "b", "c"].map((id) => ({
      presentation_id: id,
      mesh_url: `/meshes/${id}`,
      splat_url: null,
    })),
    layouts: [
      { staying_side: "left", kept_if_equal: "right" },
      { staying_side: "right", kept_if_equal: "left" },
    ],
    answers: [],
    taken_back: [],
    pair: { left: "a", right: "b" },
    round: 1,
    rounds: 2,
    phase: "compare",
    winner: null,
    can_undo: false,
    bar: 0.6,
    rubric: { version: "r1", markdown: "" },
    guidelines: { version: "g1", markdown: "" },
    ...change,
  };
}

/** After "left". */
export const SECOND_ROUND: Progress = {
  pair: { left: "c", right: "a" },
  round: 2,
  rounds: 2,
  phase: "compare",
  winner: null,
  can_undo: true,
};

/** After "left", "left". */
export const RATING: Progress = { ...SECOND_ROUND, pair: null, phase: "rate", winner: "c" };

/** All compared: "c" is to be rated. */
export const toBeRated = (change: Partial<SelectionTask> = {}) =>
  someTask({ ...RATING, answers: ["left", "left"], ...change });
