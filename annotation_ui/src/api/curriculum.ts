import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ApiProblem, api, bodyOf, newKey, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Curriculum = Schemas["Curriculum"];
export type CurriculumSettings = Schemas["CurriculumSettings"];
export type CategoryShares = Schemas["CategoryShares"];
export type TierShares = Schemas["TierShares"];

const KEY = ["curriculum"];
const AGAIN_MS = 60_000;

/** The newest plan, looked at again every minute. */
export function useCurriculum() {
  return useQuery<Curriculum, ApiProblem>({
    queryKey: KEY,
    queryFn: async () => bodyOf(await api.GET("/api/v1/curriculum/")),
    refetchInterval: AGAIN_MS,
  });
}

/** Plan now; with settings, by them from now on. */
export function usePlan() {
  const queries = useQueryClient();
  return useMutation<Curriculum, ApiProblem, CurriculumSettings | null>({
    mutationFn: async (settings) => {
      const params = { header: underKey(newKey()) };
      return settings === null
        ? bodyOf(await api.POST("/api/v1/curriculum/plan", { params }))
        : bodyOf(await api.PUT("/api/v1/curriculum/settings", { params, body: settings }));
    },
    onSuccess: (plan) => queries.setQueryData(KEY, plan),
  });
}
