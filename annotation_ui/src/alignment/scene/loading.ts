import type { AlignmentTask } from "../../api/alignments";
import { type Assets, disposeAssets, loadAssets } from "./assets";

type Entry = { loading: AbortController; assets: Assets | null; problem: Error | null };

/** The assets of the task in work and of the next one. What neither wants any more is let go at once. */
export class Loading {
  readonly #entries = new Map<string, Entry>();

  constructor(private readonly onChange: () => void) {}

  /** Load these, and drop everything else. */
  want(tasks: readonly AlignmentTask[]): void {
    const wanted = new Set(tasks.map(({ work_item }) => work_item));
    for (const id of [...this.#entries.keys()]) if (!wanted.has(id)) this.#drop(id);
    for (const task of tasks) if (!this.#entries.has(task.work_item)) void this.#load(task);
  }

  assetsOf(workItem: string): Assets | null {
    return this.#entries.get(workItem)?.assets ?? null;
  }

  problemOf(workItem: string): Error | null {
    return this.#entries.get(workItem)?.problem ?? null;
  }

  retry(task: AlignmentTask): void {
    this.#drop(task.work_item);
    void this.#load(task);
    this.onChange();
  }

  dispose(): void {
    for (const id of [...this.#entries.keys()]) this.#drop(id);
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    this.#entries.delete(id);
    entry.loading.abort();
    if (entry.assets) disposeAssets(entry.assets);
  }

  async #load(task: AlignmentTask): Promise<void> {
    const entry: Entry = { loading: new AbortController(), assets: null, problem: null };
    this.#entries.set(task.work_item, entry);
    try {
      const assets = await loadAssets(task, entry.loading.signal);
      if (entry.loading.signal.aborted) return disposeAssets(assets);
      entry.assets = assets;
    } catch (problem) {
      if (entry.loading.signal.aborted) return;
      entry.problem = problem instanceof Error ? problem : new Error(String(problem));
    }
    this.onChange();
  }
}
