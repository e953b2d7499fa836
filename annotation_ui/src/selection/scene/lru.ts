/** Keeps the most recently used values up to a budget; what goes is disposed of. Protected keys always stay. */
export class Lru<V> {
  readonly #entries = new Map<string, { value: V; size: number }>();
  #protected: ReadonlySet<string> = new Set();
  #size = 0;

  constructor(
    private readonly budget: number,
    private readonly dispose: (value: V, key: string) => void,
  ) {}

  /** Sum of the sizes of what is kept. */
  get size(): number {
    return this.#size;
  }

  get count(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry); // a Map keeps the order of insertion: the last is the newest
    return entry.value;
  }

  set(key: string, value: V, size: number): void {
    this.#remove(key);
    this.#entries.set(key, { value, size });
    this.#size += size;
    this.#shrink();
  }

  /** Never drop these, whatever the budget says; everything else may go. */
  protect(keys: Iterable<string>): void {
    this.#protected = new Set(keys);
    this.#shrink();
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.#remove(key);
  }

  #shrink(): void {
    for (const key of [...this.#entries.keys()]) {
      if (this.#size <= this.budget) return;
      if (!this.#protected.has(key)) this.#remove(key);
    }
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
    this.dispose(entry.value, key);
  }
}
