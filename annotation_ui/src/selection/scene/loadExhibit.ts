import type { Material } from "three";
import { readProblem } from "../../api/client";
import type { Exhibit } from "./exhibit";
import { readShape, readTextured } from "./readMesh";

/** How a candidate is shown: its bare shape, its textured mesh, or its Gaussian splat. */
export type Kind = "shape" | "texture" | "splat";

/** Something that a task wants: the id under which it is shown, where it lies, and what it is. */
export interface Wanted {
  id: string;
  url: string;
  kind: Kind;
}

/** Fetch a candidate and decode it. What reads splats is large, and loaded with the first of them. */
export async function loadExhibit(
  { url, kind }: Wanted,
  signal: AbortSignal,
  clay: Material,
): Promise<Exhibit> {
  const reading = kind === "splat" ? import("./splats") : null;
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw await readProblem(answer);
  const content = await answer.arrayBuffer();
  if (reading) return (await reading).readSplat(content);
  return kind === "texture" ? readTextured(content) : readShape(content, clay);
}
