/** A write that the server has not confirmed yet, with the key that makes it happen once. */
export interface Keyed {
  key: string;
  workItem: string;
}

/** What is known of a task in work on this machine. */
export interface Kept<D> {
  draft: D | null;
  activeMs: number;
  savedAt: number;
}

interface Content<W, D> {
  unsent: W[];
  kept: Record<string, Kept<D>>;
}

const MOST_KEPT = 20;

/** Unsent work on this machine: it outlives reloads, lost networks and ended sessions. One for each page and person. */
export class Journal<W extends Keyed, D> {
  readonly #name: string;

  constructor(
    page: string,
    username: string,
    private readonly readDraft: (content: unknown) => D | null,
    private readonly storage: Storage = localStorage,
  ) {
    this.#name = `lathe.${page}.${username}`;
  }

  get unsent(): readonly W[] {
    return this.#read().unsent;
  }

  addUnsent(write: W): void {
    const content = this.#read();
    this.#write({ ...content, unsent: [...content.unsent, write] });
  }

  removeUnsent(key: string): void {
    const content = this.#read();
    this.#write({ ...content, unsent: content.unsent.filter((write) => write.key !== key) });
  }

  kept(workItem: string): Kept<D> | null {
    return this.#read().kept[workItem] ?? null;
  }

  keep(workItem: string, kept: Kept<D>): void {
    const content = this.#read();
    const newest = Object.entries({ ...content.kept, [workItem]: kept })
      .sort(([, a], [, b]) => b.savedAt - a.savedAt)
      .slice(0, MOST_KEPT);
    this.#write({ ...content, kept: Object.fromEntries(newest) });
  }

  forget(workItem: string): void {
    const content = this.#read();
    delete content.kept[workItem];
    this.#write(content);
  }

  #read(): Content<W, D> {
    try {
      const content = JSON.parse(this.storage.getItem(this.#name) ?? "{}") as Partial<Content<W, unknown>>;
      const kept = Object.entries(content.kept ?? {}).map(([workItem, entry]): [string, Kept<D>] => [
        workItem,
        { ...entry, draft: this.readDraft(entry.draft) },
      ]);
      return { unsent: content.unsent ?? [], kept: Object.fromEntries(kept) };
    } catch {
      return { unsent: [], kept: {} }; // somebody else wrote there: nothing of ours is left to read
    }
  }

  #write(content: Content<W, D>): void {
    this.storage.setItem(this.#name, JSON.stringify(content));
  }
}
