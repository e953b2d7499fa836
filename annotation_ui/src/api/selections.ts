import { api, bodyOf, newKey, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

/** A whole Stage 2 task, and where its tournament stands. */
export type SelectionTask = Schemas["SelectionTask"];
export type Progress = Schemas["Progress"];
export type Pair = Schemas["Pair"];
export type Answer = Schemas["AnswerRequest"]["answer"];
export type FailureReason = Schemas["FailureReasonEnum"];
export type AnswerBody = Schemas["AnswerRequest"];
export type SubmitBody = Schemas["SubmitSelectionRequest"];

/** The next task, or null where none waits. With `prefetch` a second one may be held beside the one in work. */
export async function claimSelection({
  prefetch,
  key,
}: {
  prefetch: boolean;
  key: string;
}): Promise<SelectionTask | null> {
  const answer = await api.POST("/api/v1/selections/claim", {
    params: { header: underKey(key) },
    body: { prefetch },
  });
  return answer.response.status === 204 ? null : bodyOf(answer);
}

/** A task that I hold, as it stands. */
export async function readSelection(workItem: string): Promise<SelectionTask> {
  return bodyOf(
    await api.GET("/api/v1/selections/{work_item}", { params: { path: { work_item: workItem } } }),
  );
}

export async function answerPair(workItem: string, body: AnswerBody, key: string): Promise<Progress> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  return bodyOf(await api.POST("/api/v1/selections/{work_item}/answer", { params, body }));
}

export async function undoAnswer(workItem: string, token: number, key: string): Promise<Progress> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  return bodyOf(await api.POST("/api/v1/selections/{work_item}/undo", { params, body: { token } }));
}

export async function submitSelection(workItem: string, body: SubmitBody, key: string): Promise<void> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  await api.POST("/api/v1/selections/{work_item}/submit", { params, body });
}

/** Say that a candidate could not be shown. Whether that arrives changes nothing here. */
export async function reportLoadFailure(presentation: string): Promise<void> {
  const params = { path: { presentation }, header: underKey(newKey()) };
  await api.POST("/api/v1/presentations/{presentation}/load-failure", { params }).catch(() => undefined);
}
