import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { type ApiProblem, api, bodyOf } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Evaluation = Schemas["Evaluation"];
export type EvaluationDetail = Schemas["EvaluationDetail"];
export type Results = Schemas["Results"];
export type ContenderResult = Schemas["ContenderResult"];

const AGAIN_MS = 15_000;

/** Every evaluation that was registered, newest first (the last two hundred). */
export function useEvaluations(): UseQueryResult<Evaluation[], ApiProblem> {
  return useQuery<Evaluation[], ApiProblem>({
    queryKey: ["evaluations"],
    queryFn: async () => {
      const params = { query: { page_size: 200 } };
      return bodyOf(await api.GET("/api/v1/evaluations/", { params })).results;
    },
    refetchInterval: AGAIN_MS,
  });
}

/** One of them with its results, looked at again while votes come in. */
export function useEvaluation(id: string | null): UseQueryResult<EvaluationDetail, ApiProblem> {
  return useQuery<EvaluationDetail, ApiProblem>({
    queryKey: ["evaluations", id],
    queryFn: async () =>
      bodyOf(
        await api.GET("/api/v1/evaluations/{evaluation}/", { params: { path: { evaluation: id ?? "" } } }),
      ),
    enabled: id !== null,
    refetchInterval: AGAIN_MS,
  });
}
