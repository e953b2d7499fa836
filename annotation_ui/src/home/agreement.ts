import type { Me } from "../api/me";

type Agreed = Me["agreement"][string];

const percent = (share: number) => Math.round(100 * share);

/** What a count of agreeing answers says, and what it does not. */
export function agreementText({ agreeing, compared, share, interval, enough }: Agreed): string {
  const counted = `${agreeing} of ${compared} the same`;
  if (!enough) return `${counted}: too few to say more`;
  return `${percent(share)} % (${counted}; likely between ${percent(interval.low)} and ${percent(interval.high)} %)`;
}
