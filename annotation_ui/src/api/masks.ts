import { api, bodyOf, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

/** A whole Stage 1 task. */
export type MaskTask = Schemas["MaskTask"];
export type DiscardReason = Schemas["DiscardReasonEnum"];
export type MaskVerdict = Schemas["SubmitMaskRequest"];
export type FurtherObject = Schemas["FurtherObjectRequest"];
export type AssistBox = Schemas["BoxRequest"];
export type AssistPrompts = Schemas["AssistRequest"];
export type Assisted = Schemas["Assisted"];

/** The next task, or null where none waits. With `prefetch` a second one may be held beside the one in work. */
export async function claimMask({
  prefetch,
  key,
}: {
  prefetch: boolean;
  key: string;
}): Promise<MaskTask | null> {
  const answer = await api.POST("/api/v1/masks/claim", {
    params: { header: underKey(key) },
    body: { prefetch },
  });
  return answer.response.status === 204 ? null : bodyOf(answer);
}

export async function submitMask(workItem: string, body: MaskVerdict, key: string): Promise<void> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  await api.POST("/api/v1/masks/{work_item}/submit", { params, body });
}

/** Mark the object that was pointed at. Nothing is stored. */
export async function assistMask(
  workItem: string,
  body: AssistPrompts,
  signal: AbortSignal,
): Promise<Assisted> {
  const params = { path: { work_item: workItem } };
  return bodyOf(await api.POST("/api/v1/masks/{work_item}/assist", { params, body, signal }));
}

/** Another object of the same photograph. */
export async function markFurther(workItem: string, body: FurtherObject, key: string): Promise<void> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  await api.POST("/api/v1/masks/{work_item}/further", { params, body });
}
