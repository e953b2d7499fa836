import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { type ApiProblem, api, bodyOf, newKey, underKey } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

/** A judgement in a reviewer's queue, with what others said to the same question. */
export type Entry = Schemas["Entry"];
export type Opinion = Schemas["Opinion"];
export type ReviewStage = Schemas["StageEnum"];
export type ReviewState = Schemas["ReviewEnum"];
export type Purpose = Schemas["EntryPurposeEnum"];
export type Act = Schemas["PossibleEnum"];
export type Agreement = Schemas["Agreement"];
export type StageShares = Schemas["StageShares"];
export type JudgedMask = Schemas["JudgedMask"];
export type JudgedSelection = Schemas["JudgedSelection"];
export type JudgedAlignment = Schemas["JudgedAlignment"];

export interface QueueFilter {
  stage: ReviewStage;
  review: ReviewState;
  person: string;
  purpose: Purpose | "";
}

/** What a reviewer does; `ask` wants a second opinion. */
export type Deed = { kind: Act | "ask"; workItem: string; note?: string };

const AGAIN_MS = 30_000;

/** The queue, page by page; looked at again every half minute. */
export function useQueue(filter: QueueFilter) {
  return useInfiniteQuery({
    queryKey: ["reviews", filter],
    queryFn: async ({ pageParam }) =>
      bodyOf(await api.GET("/api/v1/reviews/", { params: { query: { ...filter, cursor: pageParam } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor || undefined,
    refetchInterval: AGAIN_MS,
    placeholderData: keepPreviousData,
  });
}

export function useJudgedMask(workItem: string) {
  return useQuery<JudgedMask, ApiProblem>({
    queryKey: ["judged", workItem],
    queryFn: async () => {
      const params = { path: { work_item: workItem } };
      return bodyOf(await api.GET("/api/v1/masks/{work_item}/judged", { params }));
    },
    staleTime: Number.POSITIVE_INFINITY, // a judgement does not change
  });
}

export function useJudgedSelection(workItem: string) {
  return useQuery<JudgedSelection, ApiProblem>({
    queryKey: ["judged", workItem],
    queryFn: async () => {
      const params = { path: { work_item: workItem } };
      return bodyOf(await api.GET("/api/v1/selections/{work_item}/judged", { params }));
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

export function useJudgedAlignment(workItem: string) {
  return useQuery<JudgedAlignment, ApiProblem>({
    queryKey: ["judged", workItem],
    queryFn: async () => {
      const params = { path: { work_item: workItem } };
      return bodyOf(await api.GET("/api/v1/alignments/{work_item}/judged", { params }));
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Do something with a judgement. The queue is read anew, whether it went well or not. */
export function useDeed() {
  const queries = useQueryClient();
  return useMutation<void, ApiProblem, Deed>({
    mutationFn: async ({ kind, workItem, note = "" }) => {
      const params = { path: { work_item: workItem }, header: underKey(newKey()) };
      switch (kind) {
        case "accept":
          await api.POST("/api/v1/reviews/{work_item}/accept", { params });
          return;
        case "mark_gold":
          await api.POST("/api/v1/reviews/{work_item}/gold", { params });
          return;
        case "unmark_gold":
          await api.DELETE("/api/v1/reviews/{work_item}/gold", { params });
          return;
        case "requeue":
          await api.POST("/api/v1/reviews/{work_item}/requeue", { params });
          return;
        case "ask":
          await api.POST("/api/v1/reviews/{work_item}/second-opinion", { params });
          return;
        case "return":
          await api.POST("/api/v1/reviews/{work_item}/return", { params, body: { note } });
      }
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ["reviews"] }),
  });
}

/** How well people agree. */
export function useAgreement() {
  return useQuery<Agreement, ApiProblem>({
    queryKey: ["agreement"],
    queryFn: async () => bodyOf(await api.GET("/api/v1/agreement/")),
  });
}

const SHARES = ["stage-shares"];

/** How often second opinions are drawn, by stage. */
export function useShares() {
  return useQuery<StageShares[], ApiProblem>({
    queryKey: SHARES,
    queryFn: async () => bodyOf(await api.GET("/api/v1/stage-shares/")),
  });
}

export function useSetShares() {
  const queries = useQueryClient();
  return useMutation<StageShares, ApiProblem, StageShares>({
    mutationFn: async ({ stage, ...body }) => {
      const params = { path: { stage }, header: underKey(newKey()) };
      return bodyOf(await api.PUT("/api/v1/stage-shares/{stage}", { params, body }));
    },
    onSuccess: () => queries.invalidateQueries({ queryKey: SHARES }),
  });
}
