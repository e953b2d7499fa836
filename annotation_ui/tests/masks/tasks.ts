import type { MaskTask } from "../../src/api/masks";

/** A photograph of 4 × 3 pixels with two of the second column proposed. */
export function maskTask(changes: Partial<MaskTask> = {}): MaskTask {
  return {
    work_item: "item",
    token: 1,
    lease_expires_at: null,
    lease_seconds: 60,
    reviewer_note: "",
    image: { url: "/photograph", preview_url: null, width: 4, height: 3 },
    mask: { height: 3, width: 4, counts: [3, 2, 7] },
    category: "bell_pepper",
    description: "",
    wants_proposal: false,
    marked: [],
    guidelines: { version: "v2", markdown: "" },
    ...changes,
  };
}
