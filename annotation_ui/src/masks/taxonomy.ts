/** A leaf of the taxonomy, as `engine/contracts/taxonomy.json` has it. */
export interface Leaf {
  id: string;
  name: string;
  group: string;
  complexity: string;
  synonyms: readonly string[];
}

export interface Suggestion {
  readonly leaf: Leaf;
  /** The synonym by which it was found, where its name does not say it. */
  readonly synonym: string | null;
}

const MOST = 8;

/** All leaves; not needed to begin, so loaded apart. */
export async function loadTaxonomy(): Promise<readonly Leaf[]> {
  const { default: leaves } = await import("../../../engine/contracts/taxonomy.json");
  return leaves;
}

/** The leaf that a word names exactly, by name, id or synonym. */
export function leafOf(leaves: readonly Leaf[], word: string): Leaf | null {
  const plain = normalised(word);
  if (plain === "") return null;
  const names = (leaf: Leaf) => [leaf.name, leaf.id, ...leaf.synonyms].map(normalised);
  return leaves.find((leaf) => names(leaf).includes(plain)) ?? null;
}

/** Leaves that what was typed may mean: names that begin with it, then words of names, synonyms, any part. */
export function suggestions(leaves: readonly Leaf[], typed: string): Suggestion[] {
  const plain = normalised(typed);
  if (plain === "") return [];
  return leaves
    .map((leaf) => ({ leaf, ...rank(leaf, plain) }))
    .filter(({ score }) => score < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.score - b.score || a.leaf.name.length - b.leaf.name.length)
    .slice(0, MOST)
    .map(({ leaf, synonym }) => ({ leaf, synonym }));
}

function rank(leaf: Leaf, plain: string): { score: number; synonym: string | null } {
  const name = normalised(leaf.name);
  if (name === plain) return { score: 0, synonym: null };
  if (name.startsWith(plain)) return { score: 1, synonym: null };
  if (name.includes(` ${plain}`)) return { score: 2, synonym: null };
  const synonym = leaf.synonyms.find((word) => normalised(word).startsWith(plain)) ?? null;
  if (synonym !== null) return { score: normalised(synonym) === plain ? 0.5 : 3, synonym };
  const later = leaf.synonyms.find((word) => normalised(word).includes(` ${plain}`)) ?? null;
  if (later !== null) return { score: 4, synonym: later };
  return { score: name.includes(plain) ? 5 : Number.POSITIVE_INFINITY, synonym: null };
}

function normalised(word: string): string {
  return word
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, " ")
    .trim();
}
