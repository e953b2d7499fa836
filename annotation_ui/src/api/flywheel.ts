import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { getJson } from "./client";

/** Where the flywheel stands, as everybody may know it. */
export interface FlywheelStatus {
  iteration: { number: number; step: string; failed: boolean; failure: string; alpha: number } | null;
  promoted: string | null;
}

/** Ask where the flywheel stands. */
export function useFlywheelStatus(): UseQueryResult<FlywheelStatus> {
  return useQuery({
    queryKey: ["flywheel"],
    queryFn: () => getJson<FlywheelStatus>("/flywheel/status/"),
    refetchInterval: 15_000,
  });
}
