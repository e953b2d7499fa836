import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { getJson } from "./client";

/** Waiting work of one stage; counting stops at a cap, `more` says so. */
export interface WaitingCount {
  count: number;
  more: boolean;
}

/** The signed-in person, what waits for them and what they did today. */
export interface Me {
  username: string;
  roles: string[];
  waiting: Record<string, WaitingCount | undefined>;
  today: { done: number; median_duration_ms: number | null };
}

/** Ask who I am and what waits; asked again while the page is open. */
export function useMe(): UseQueryResult<Me> {
  return useQuery({ queryKey: ["me"], queryFn: () => getJson<Me>("/me/"), refetchInterval: 15_000 });
}
