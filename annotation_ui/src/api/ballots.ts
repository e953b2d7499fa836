import { api, bodyOf, newKey, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

/** A whole ballot, and where it stands. */
export type BallotTask = Schemas["BallotTask"];
export type BallotProgress = Schemas["BallotProgress"];
export type HandInBody = Schemas["HandInRequest"];

/** The next ballot, or null where none waits. With `prefetch` a second one may be held beside the one in work. */
export async function claimBallot({
  prefetch,
  key,
}: {
  prefetch: boolean;
  key: string;
}): Promise<BallotTask | null> {
  const answer = await api.POST("/api/v1/ballots/claim", {
    params: { header: underKey(key) },
    body: { prefetch },
  });
  return answer.response.status === 204 ? null : bodyOf(answer);
}

/** A ballot that I hold, as it stands. */
export async function readBallot(workItem: string): Promise<BallotTask> {
  return bodyOf(await api.GET("/api/v1/ballots/{work_item}", { params: { path: { work_item: workItem } } }));
}

export async function vote(
  workItem: string,
  body: Schemas["AnswerRequest"],
  key: string,
): Promise<BallotProgress> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  return bodyOf(await api.POST("/api/v1/ballots/{work_item}/vote", { params, body }));
}

export async function undoVote(workItem: string, token: number, key: string): Promise<BallotProgress> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  return bodyOf(await api.POST("/api/v1/ballots/{work_item}/undo", { params, body: { token } }));
}

export async function handInBallot(workItem: string, body: HandInBody, key: string): Promise<void> {
  const params = { path: { work_item: workItem }, header: underKey(key) };
  await api.POST("/api/v1/ballots/{work_item}/submit", { params, body });
}

/** Say that a mesh could not be shown. Whether that arrives changes nothing here. */
export async function reportBallotLoadFailure(presentation: string): Promise<void> {
  const params = { path: { presentation }, header: underKey(newKey()) };
  await api.POST("/api/v1/ballots/shown/{presentation}/load-failure", { params }).catch(() => undefined);
}
