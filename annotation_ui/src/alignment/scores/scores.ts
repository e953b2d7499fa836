/** How well a posed shape fits; null where it is not known (yet), or where M has no points. */
export interface Scores {
  /** Of the shape's outline and M in the photograph, in [0, 1]. */
  readonly silhouetteIou: number | null;
  /** Of M's points within τ of the surface, in [0, 1]. */
  readonly inlierShare: number | null;
}

export const NO_SCORES: Scores = { silhouetteIou: null, inlierShare: null };
