import type { AnswerBody, SubmitBody } from "../../api/selections";
import type { SkipBody } from "../../api/workItems";
import { type RatingDraft, readDraft } from "./taskState";

/** A write that the server has not confirmed yet, with the key that makes it happen once. */
export type Write = { key: string; workItem: string } & (
  | { kind: "answer"; body: AnswerBody }
  | { kind: "undo"; token: number }
  | { kind: "submit"; body: SubmitBody }
  | { kind: "skip"; body: SkipBody }
);

/** What is known of a task in work on this machine. */
export interface Kept {
  draft: RatingDraft | null;
  activeMs: number;
  savedAt: number;
}

interface Content {
  unsent: Write[];
  kept: Record<string, Kept>;
}

const MOST_KEPT = 20;

/** Unsent work on this machine: it outlives reloads, lost networks and ended sessions. One for each person. */
export class Journal {
  readonly #name: string;

  constructor(
    username: string,
    private readonly storage: Storage,
  ) {
    this.#name = `lathe.selection.${username}`;
  }

  get unsent(): readonly Write[] {
    return this.#read().unsent;
  }

  addUnsent(write: Write): void {
    const content = this.#read();
    this.#write({ ...content, unsent: [...content.unsent, write] });
  }

  removeUnsent(key: string): void {
    const content = this.#read();
    this.#write({ ...content, unsent: content.unsent.filter((write) => write.key !== key) });
  }

  kept(workItem: string): Kept | null {
    return this.#read().kept[workItem] ?? null;
  }

  keep(workItem: string, kept: Kept): void {
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

  #read(): Content {
    try {
      const content = JSON.parse(this.storage.getItem(this.#name) ?? "{}") as Partial<Content>;
      const kept = Object.entries(content.kept ?? {}).map(([workItem, entry]): [string, Kept] => [
        workItem,
        { ...entry, draft: readDraft(entry.draft) },
      ]);
      return { unsent: content.unsent ?? [], kept: Object.fromEntries(kept) };
    } catch {
      return { unsent: [], kept: {} }; // somebody else wrote there: nothing of ours is left to read
    }
  }

  #write(content: Content): void {
    this.storage.setItem(this.#name, JSON.stringify(content));
  }
}
