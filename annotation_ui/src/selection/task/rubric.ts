/** A point of the rating scale that the rubric describes. */
export interface Anchor {
  rating: number;
  name: string;
  meaning: string;
}

const ROW = /^\|\s*\*{0,2}([01](?:\.\d+)?)\*{0,2}\s*\|\s*([^|]+?)\s*\|\s*([^|]+?)\s*\|\s*$/;

/** The anchors of a rubric: the rows `| **0.5** | fair | … |` of its table, lowest first. */
export function anchorsOf(markdown: string): Anchor[] {
  return markdown
    .split("\n")
    .map((line) => ROW.exec(line.trim()))
    .filter((row) => row !== null)
    .map(([, rating, name, meaning]) => ({
      rating: Number(rating),
      name: name ?? "",
      meaning: meaning ?? "",
    }))
    .sort((a, b) => a.rating - b.rating);
}
