import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { ApiProblem, api, bodyOf, signIn } from "./client";
import type { components } from "./schema.gen";

/** The signed-in person, what waits for them and what they did today. */
export type Me = components["schemas"]["Me"];

/** Ask who I am and what waits; asked again while the page is open. A lost session leads to the sign-in page. */
export function useMe({ orSignIn = true }: { orSignIn?: boolean } = {}): UseQueryResult<Me> {
  return useQuery({
    queryKey: ["me"],
    queryFn: async () => {
      try {
        return bodyOf(await api.GET("/api/v1/me/"));
      } catch (problem) {
        if (orSignIn && problem instanceof ApiProblem && problem.signedOut) signIn();
        throw problem;
      }
    },
    refetchInterval: 15_000,
  });
}
