import { api, bodyOf, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

/** A whole Stage 3 task. */
export type AlignmentTask = Schemas["AlignmentTask"];
export type NotAlignable = Schemas["NotAlignableEnum"];
export type SubmitAlignment = Schemas["SubmitAlignmentRequest"];
/** One time that help was asked for, and what it did. */
export type AidReport = Schemas["AssistanceUseRequest"];
/** A pose that the engine proposes, with the scores that it would give it. */
export type Proposal = Schemas["Proposal"];
/** A pose nearby, and whether the shape would fit clearly better front to back. */
export type Snapped = Schemas["Snapped"];
type PoseBody = Schemas["PoseRequest"];

/** The next task, or null where none waits. With `prefetch` a second one may be held beside the one in work. */
export async function claimAlignment({
  prefetch,
  key,
}: {
  prefetch: boolean;
  key: string;
}): Promise<AlignmentTask | null> {
  const answer = await api.POST("/api/v1/alignments/claim", {
    params: { header: underKey(key) },
    body: { prefetch },
  });
  return answer.response.status === 204 ? null : bodyOf(answer);
}

/** A better pose near this one. */
export async function snap(workItem: string, pose: PoseBody): Promise<Snapped> {
  const params = { path: { work_item: workItem } };
  return bodyOf(await api.POST("/api/v1/alignments/{work_item}/snap", { params, body: { pose } }));
}

/** Up to six poses that look different from this one and from each other, best first. */
export async function tryOthers(workItem: string, pose: PoseBody): Promise<Proposal[]> {
  const params = { path: { work_item: workItem } };
  return bodyOf(await api.POST("/api/v1/alignments/{work_item}/try-others", { params, body: { pose } }));
}

export async function submitAlignment(workItem: string, body: SubmitAlignment, key: string): Promise<void> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  await api.POST("/api/v1/alignments/{work_item}/submit", { params, body });
}
