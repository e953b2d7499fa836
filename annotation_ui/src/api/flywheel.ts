import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "./client";
import type { components } from "./schema.gen";

/** Where the flywheel stands, as everybody may know it. */
export type FlywheelStatus = components["schemas"]["FlywheelStatus"];

/** Ask where the flywheel stands. */
export function useFlywheelStatus(): UseQueryResult<FlywheelStatus> {
  return useQuery({
    queryKey: ["flywheel"],
    queryFn: async () => bodyOf(await api.GET("/api/v1/flywheel/status/")),
    refetchInterval: 15_000,
  });
}
