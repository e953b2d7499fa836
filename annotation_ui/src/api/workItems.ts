import { ApiProblem, api, bodyOf, newKey, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Lease = Schemas["Lease"];
export type SkipBody = Schemas["SkipRequest"];
export type SkipReason = SkipBody["reason"];

/** Still at work: the lease gets its whole time again. */
export async function heartbeat(workItem: string, token: number): Promise<Lease> {
  const params = { path: { work_item_id: workItem }, header: underKey(newKey()) };
  return bodyOf(await api.POST("/api/v1/work-items/{work_item_id}/heartbeat", { params, body: { token } }));
}

/** Give the item to others. */
export async function skipWorkItem(workItem: string, body: SkipBody, key: string): Promise<void> {
  const params = { path: { work_item_id: workItem }, header: underKey(key) };
  await api.POST("/api/v1/work-items/{work_item_id}/skip", { params, body });
}

/** Keep unsent work on the server. */
export async function saveDraft(workItem: string, content: unknown): Promise<void> {
  const params = { path: { work_item_id: workItem }, header: underKey(newKey()) };
  await api.PUT("/api/v1/work-items/{work_item_id}/draft", { params, body: { content } });
}

/** What the server keeps of my unsent work on this item, or null. `savedAt` in ms since 1970. */
export async function loadDraft(workItem: string): Promise<{ content: unknown; savedAt: number } | null> {
  try {
    const params = { path: { work_item_id: workItem } };
    const draft = bodyOf(await api.GET("/api/v1/work-items/{work_item_id}/draft", { params }));
    return { content: draft.content, savedAt: Date.parse(draft.saved_at) };
  } catch (problem) {
    if (problem instanceof ApiProblem && problem.status === 404) return null;
    throw problem;
  }
}
