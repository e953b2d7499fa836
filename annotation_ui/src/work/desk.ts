import { ApiProblem, newKey } from "../api/client";
import type { Lease, SkipBody, SkipReason } from "../api/workItems";
import { ActiveTime } from "./activeTime";
import type { Journal, Keyed } from "./journal";
import { ask } from "./marks";
import { type Connection, Outbox } from "./outbox";

/** A task under lease, of any stage. */
export interface LeasedTask {
  work_item: string;
  token: number;
  lease_seconds: number;
  /** Why a reviewer gave it back; empty where none did. */
  reviewer_note: string;
}

/** A write that ends the work on an item without an answer; the stages add theirs. */
export type Skip = Keyed & { kind: "skip"; body: SkipBody };
/** Something that is said about an item. */
export type Write = Keyed & { kind: string };

/** What the desk asks of the server. */
export interface DeskApi<T extends LeasedTask, W extends Write, A> {
  claim(options: { prefetch: boolean; key: string }): Promise<T | null>;
  /** Sends one write; the answer is of interest to the stage alone. */
  post(write: W | Skip): Promise<A>;
  heartbeat(workItem: string, token: number): Promise<Lease>;
  saveDraft(workItem: string, content: unknown): Promise<void>;
  loadDraft(workItem: string): Promise<{ content: unknown; savedAt: number } | null>;
}

/** What lies on the desk. */
export type Situation<S> =
  | { kind: "loading" }
  | { kind: "empty" }
  | { kind: "working"; state: S }
  | { kind: "stopped"; title: string; text: string };

/** Everything that a page shows of its desk; a new object with every change. */
export interface Snapshot<T, S> {
  readonly situation: Situation<S>;
  /** Claimed ahead, to be loaded ahead. */
  readonly next: T | null;
  readonly connection: Connection;
  readonly unsent: number;
  /** Where the answer in work is kept. */
  readonly draft: "server" | "saving" | "here";
  readonly idle: boolean;
  /** When the lease ends unless it is extended, in ms of the desk's clock. */
  readonly leaseEndsAt: number;
  readonly notice: string | null;
  readonly submitted: number;
}

export interface DeskOptions<T extends LeasedTask, W extends Write, A, D> {
  api: DeskApi<T, W, A>;
  journal: Journal<W | Skip, D>;
  now?: () => number;
  pause?: (ms: number) => Promise<void>;
}

const IDLE_AFTER_MS = 120_000;
const DRAFT_AFTER_MS = 800;
const LOOK_AGAIN_MS = 15_000;
const TICK_MS = 1_000;
const GONE = new Set([
  "lease_superseded",
  "work_item_closed",
  "no_such_work_item",
  "no_such_selection",
  "no_such_mask_task",
  "no_such_alignment",
]);

/**
 * One person's desk: the task in work, the one claimed ahead, and everything on its way to the server. It knows
 * nothing of the page: commands go in, snapshots come out. A stage says what its state is, what of it is a draft,
 * and adds its commands.
 *
 * T: task, S: state of a task in work, W: writes of the stage, A: the server's answer to one, D: draft.
 */
export abstract class Desk<T extends LeasedTask, S extends { readonly task: T }, W extends Write, A, D> {
  protected readonly outbox: Outbox<W | Skip, A>;
  protected readonly now: () => number;
  protected taskTime: ActiveTime;
  #snapshot: Snapshot<T, S>;
  readonly #listeners = new Set<() => void>();
  readonly #api: DeskApi<T, W, A>;
  readonly #journal: Journal<W | Skip, D>;
  #finished: T | null = null;
  #prefetching: Promise<void> | null = null;
  #heartbeatDueAt = Number.POSITIVE_INFINITY;
  #lookAgainAt = Number.POSITIVE_INFINITY;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor({ api, journal, now = Date.now, pause }: DeskOptions<T, W, A, D>) {
    this.#api = api;
    this.#journal = journal;
    this.now = now;
    this.taskTime = this.stopwatch();
    this.outbox = new Outbox<W | Skip, A>({
      journal,
      post: (write) => api.post(write),
      onChange: () => this.set({ connection: this.outbox.connection, unsent: this.outbox.waiting }),
      ...(pause && { pause }),
    });
    this.#snapshot = {
      situation: { kind: "loading" },
      next: null,
      connection: "ok",
      unsent: 0,
      draft: "server",
      idle: false,
      leaseEndsAt: 0,
      notice: null,
      submitted: 0,
    };
  }

  /** A task as it was claimed, with what was kept of it. */
  protected abstract open(task: T, draft: D | null): S;
  /** What of a task in work is unsent; null where nothing is. */
  protected abstract draftOf(state: S): D | null;
  protected abstract readDraft(content: unknown): D | null;
  /** Whether the task is so near its end that the next one is wanted. */
  protected abstract nearEnd(state: S): boolean;
  /** What a write that ended a task had to say, to be kept as a draft where it was refused. */
  protected abstract draftOfWrite(write: W): D | null;

  readonly snapshot = (): Snapshot<T, S> => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Send what an earlier page left, then take up the task in work or the next one. */
  async start(): Promise<void> {
    this.#ticking ??= setInterval(() => this.tick(), TICK_MS);
    await this.outbox.sendLeftOver((write, problem) => this.#refusedLate(write, problem));
    await this.#load();
  }

  stop(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#draftTimer);
  }

  /** The person is there: time counts, and the lease goes on. */
  sign(): void {
    this.taskTime.sign();
    if (!this.#snapshot.idle) return;
    this.set({ idle: false });
    void this.#heartbeat();
  }

  /** What time brings: idleness, the heartbeat, another look into an empty queue. */
  tick(): void {
    const { situation, idle } = this.#snapshot;
    if (situation.kind === "empty" && this.now() >= this.#lookAgainAt) void this.#load();
    if (situation.kind !== "working") return;
    if (this.taskTime.idle !== idle) this.set({ idle: this.taskTime.idle });
    if (!this.taskTime.idle && this.now() >= this.#heartbeatDueAt) void this.#heartbeat();
  }

  /** Leave the task to others and go on. */
  async skip(reason: SkipReason, note: string): Promise<void> {
    const state = this.working();
    if (!state) return;
    const { work_item: workItem, token } = state.task;
    await this.finish({ key: newKey(), workItem, kind: "skip", body: { token, reason, note } });
  }

  /** After a stop, or when the queue was empty: take up what there is now. */
  async goOn(): Promise<void> {
    if (this.#snapshot.situation.kind === "working") return;
    await this.#load();
  }

  clearNotice(): void {
    this.set({ notice: null });
  }

  protected stopwatch(startMs = 0): ActiveTime {
    return new ActiveTime(this.now, IDLE_AFTER_MS, startMs);
  }

  protected working(): S | null {
    const { situation } = this.#snapshot;
    return situation.kind === "working" ? situation.state : null;
  }

  protected set(change: Partial<Snapshot<T, S>>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }

  protected show(task: T): void {
    const kept = this.#journal.kept(task.work_item);
    this.taskTime = this.stopwatch(kept?.activeMs);
    this.#extend(task.lease_seconds);
    const state = this.open(task, kept?.draft ?? null);
    this.set({ situation: { kind: "working", state }, draft: "server", idle: false });
    if (this.nearEnd(state)) void this.#recallDraft(task.work_item, kept?.savedAt ?? 0);
    this.#prefetchIfNear();
  }

  /** The task has moved: what the server confirmed, or what is on its way there. */
  protected move(state: S): void {
    this.set({ situation: { kind: "working", state } });
    this.#keep(state);
    this.#prefetchIfNear();
  }

  /** The person changed what is not sent yet: kept here at once, on the server soon. */
  protected edit(state: S): void {
    if (state === this.working()) return;
    this.set({ situation: { kind: "working", state }, draft: "saving", notice: null });
    this.#keep(state);
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => void this.#saveDraft(), DRAFT_AFTER_MS);
  }

  /** Hand the task in, and put the next one on the desk without waiting for the answer. */
  protected async finish(write: W | Skip): Promise<void> {
    const task = this.working()?.task ?? null;
    if (task === null || task === this.#finished) return; // pressed twice before the next task was there
    this.#finished = task;
    ask("next-task");
    clearTimeout(this.#draftTimer);
    const sent = this.outbox.send(write).then(
      () => {
        this.#journal.forget(write.workItem);
        this.set({ submitted: this.#snapshot.submitted + (write.kind === "skip" ? 0 : 1) });
      },
      (problem: unknown) => this.#refusedLate(write, problem),
    );
    this.set({ notice: null });
    await this.#prefetching;
    const { next } = this.#snapshot;
    if (next === null) return this.#load();
    this.set({ next: null });
    this.show(next);
    await Promise.all([sent, this.#heartbeat()]);
  }

  /** Put the task aside and say why. */
  protected halt(title: string, problem: unknown): void {
    clearTimeout(this.#draftTimer);
    const state = this.working();
    if (state) {
      this.#keep(state);
      const draft = this.draftOf(state);
      if (draft !== null) this.#keepOnServer(state.task.work_item, draft);
    }
    const gone = isGone(problem);
    const text = gone
      ? "Your lease ran out and somebody else took the task over, or it was withdrawn. What you sent is stored, and what you had not sent is kept as a draft."
      : messageOf(problem);
    this.set({ situation: { kind: "stopped", title: gone ? "This task is no longer yours" : title, text } });
  }

  async #load(): Promise<void> {
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
    if (this.#snapshot.situation.kind !== "empty") this.set({ situation: { kind: "loading" } });
    await this.outbox.settled(); // what is not submitted yet would be given to us again
    try {
      const key = newKey();
      const task = await this.outbox.patiently(() => this.#api.claim({ prefetch: false, key }));
      if (task !== null) return this.show(task);
      this.#lookAgainAt = this.now() + LOOK_AGAIN_MS;
      this.set({ situation: { kind: "empty" } });
    } catch (problem) {
      this.halt("The next task could not be taken up", problem);
    }
  }

  /** The server's draft counts where it is newer than this machine's: the person changed machines. */
  async #recallDraft(workItem: string, keptAt: number): Promise<void> {
    const saved = await this.#api.loadDraft(workItem).catch(() => null); // without it the answer is given anew
    const draft = saved && this.readDraft(saved.content);
    const state = this.working();
    if (!draft || saved.savedAt <= keptAt || state?.task.work_item !== workItem) return;
    if (this.draftOf(state) === null)
      this.set({ situation: { kind: "working", state: this.open(state.task, draft) } });
  }

  /** A write that was sent in the background was refused: what it said is kept as a draft, and explained. */
  #refusedLate(write: W | Skip, problem: unknown): void {
    const draft = write.kind === "skip" ? null : this.draftOfWrite(write as W);
    if (draft !== null) this.#keepOnServer(write.workItem, draft);
    const why = isGone(problem) ? "somebody else had taken that task over by then" : messageOf(problem);
    const kept = draft === null ? "" : " It is kept as a draft.";
    this.set({
      notice: `Your last ${write.kind === "skip" ? "skip" : "answer"} was not taken: ${why}.${kept}`,
    });
  }

  async #saveDraft(): Promise<void> {
    const state = this.working();
    const draft = state && this.draftOf(state);
    if (!state || draft === null) return;
    try {
      await this.#api.saveDraft(state.task.work_item, draft);
      if (this.working() === state) this.set({ draft: "server" });
    } catch {
      if (this.working() === state) this.set({ draft: "here" }); // said on the page; the journal has it
    }
  }

  #keepOnServer(workItem: string, draft: D): void {
    void this.#api.saveDraft(workItem, draft).then(
      () => this.set({ draft: "server" }),
      () => this.set({ draft: "here" }), // said on the page; the journal has it still
    );
  }

  #keep(state: S): void {
    const draft = this.draftOf(state);
    const kept = { draft, activeMs: this.taskTime.durationMs, savedAt: this.now() };
    this.#journal.keep(state.task.work_item, kept);
  }

  #prefetchIfNear(): void {
    const state = this.working();
    if (!state || !this.nearEnd(state) || this.#prefetching !== null || this.#snapshot.next !== null) return;
    const current = state.task.work_item;
    this.#prefetching = this.#api
      .claim({ prefetch: true, key: newKey() })
      .then(
        (next) => {
          if (next !== null && next.work_item !== current) this.set({ next });
        },
        () => undefined, // it is asked for again when it is wanted
      )
      .finally(() => {
        this.#prefetching = null;
      });
  }

  async #heartbeat(): Promise<void> {
    const state = this.working();
    if (!state) return;
    this.#heartbeatDueAt = Number.POSITIVE_INFINITY;
    const { next } = this.#snapshot;
    if (next !== null) {
      await this.#api.heartbeat(next.work_item, next.token).catch((problem: unknown) => {
        if (isGone(problem) && this.#snapshot.next === next) this.set({ next: null });
      });
    }
    const { work_item: workItem, token, lease_seconds } = state.task;
    try {
      const lease = await this.#api.heartbeat(workItem, token);
      if (this.working()?.task.work_item === workItem) this.#extend(lease.lease_seconds);
    } catch (problem) {
      if (this.working()?.task.work_item !== workItem) return;
      if (problem instanceof ApiProblem && problem.passing) {
        this.#heartbeatDueAt = this.now() + (lease_seconds * 1000) / 10;
      } else {
        this.halt("This task is no longer yours", problem);
      }
    }
  }

  #extend(leaseSeconds: number): void {
    this.#heartbeatDueAt = this.now() + (leaseSeconds * 1000) / 4;
    this.set({ leaseEndsAt: this.now() + leaseSeconds * 1000 });
  }
}

function isGone(problem: unknown): boolean {
  return problem instanceof ApiProblem && GONE.has(problem.code);
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
