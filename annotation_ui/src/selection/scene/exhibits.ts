import type { Exhibit } from "./exhibit";
import type { Wanted } from "./loadExhibit";
import { Lru } from "./lru";

export type ExhibitState = "loading" | "ready" | "failed";

/** How many are kept, unless the task in work and the next one want more. */
const MOST_KEPT = 16;
const AT_ONCE = 3;

/** The exhibits of the task in work and of the next one: each is loaded and decoded once, in the order of its use. */
export class Exhibits {
  readonly #kept: Lru<Exhibit>;
  readonly #failed = new Set<string>();
  readonly #loading = new Map<string, AbortController>();
  #wanted: readonly Wanted[] = [];

  constructor(
    private readonly options: {
      load: (wanted: Wanted, signal: AbortSignal) => Promise<Exhibit>;
      onChange: () => void;
      onFailed?: (id: string) => void;
      mostKept?: number;
    },
  ) {
    this.#kept = new Lru(options.mostKept ?? MOST_KEPT, (exhibit) => exhibit.dispose());
  }

  /** Load these, first ones first; whatever else there is may go. */
  want(wanted: readonly Wanted[]): void {
    this.#wanted = wanted;
    const ids = new Set(wanted.map(({ id }) => id));
    for (const [id, loading] of this.#loading) if (!ids.has(id)) loading.abort();
    for (const id of [...this.#failed]) if (!ids.has(id)) this.#failed.delete(id);
    this.#kept.protect(ids);
    this.#loadMore();
  }

  /** How many are wanted and not here yet. */
  get waiting(): number {
    return this.#wanted.filter(({ id }) => this.stateOf(id) === "loading").length;
  }

  stateOf(id: string): ExhibitState {
    if (this.#failed.has(id)) return "failed";
    return this.#kept.get(id) ? "ready" : "loading";
  }

  get(id: string): Exhibit | null {
    return this.#kept.get(id) ?? null;
  }

  /** Try once more what did not load. */
  retry(id: string): void {
    this.#failed.delete(id);
    this.#loadMore();
    this.options.onChange();
  }

  dispose(): void {
    this.#wanted = [];
    for (const loading of this.#loading.values()) loading.abort();
    this.#kept.clear();
  }

  #loadMore(): void {
    const missing = this.#wanted.filter(
      ({ id }) => !this.#loading.has(id) && !this.#failed.has(id) && !this.#kept.get(id),
    );
    for (const wanted of missing.slice(0, Math.max(0, AT_ONCE - this.#loading.size))) void this.#load(wanted);
  }

  async #load(wanted: Wanted): Promise<void> {
    const { id } = wanted;
    const loading = new AbortController();
    this.#loading.set(id, loading);
    try {
      const exhibit = await this.options.load(wanted, loading.signal);
      if (loading.signal.aborted) exhibit.dispose();
      else this.#kept.set(id, exhibit, 1);
    } catch {
      if (!loading.signal.aborted) {
        this.#failed.add(id); // shown in its place, with a way to try again
        this.options.onFailed?.(id);
      }
    } finally {
      this.#loading.delete(id);
      this.#loadMore();
      this.options.onChange();
    }
  }
}
