import type { BufferGeometry } from "three";
import { readProblem } from "../../api/client";
import { readShape } from "./readShape";

/** Fetch a candidate's mesh and decode it. */
export async function loadShape(url: string, signal: AbortSignal): Promise<BufferGeometry> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw await readProblem(answer);
  return readShape(await answer.arrayBuffer());
}
