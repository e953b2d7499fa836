import { ApiProblem, newKey } from "../../api/client";
import type { Answer, FailureReason, Progress, SelectionTask } from "../../api/selections";
import type { Lease, SkipReason } from "../../api/workItems";
import { ActiveTime } from "./activeTime";
import type { Journal, Write } from "./journal";
import { type Connection, Outbox } from "./outbox";
import {
  answering,
  missing,
  openTask,
  progressed,
  rated,
  readDraft,
  reasoned,
  reasonWanted,
  type TaskState,
  undoing,
} from "./taskState";

/** What the desk asks of the server. */
export interface DeskApi {
  claim(options: { prefetch: boolean; key: string }): Promise<SelectionTask | null>;
  read(workItem: string): Promise<SelectionTask>;
  /** Sends an answer, a step back, a rating or a skip. */
  post(write: Write): Promise<Progress | null>;
  heartbeat(workItem: string, token: number): Promise<Lease>;
  saveDraft(workItem: string, content: unknown): Promise<void>;
  loadDraft(workItem: string): Promise<{ content: unknown; savedAt: number } | null>;
}

/** What lies on the desk. */
export type Situation =
  | { kind: "loading" }
  | { kind: "empty" }
  | { kind: "working"; state: TaskState }
  | { kind: "stopped"; title: string; text: string };

/** Everything that the page shows of the desk; a new object with every change. */
export interface Snapshot {
  readonly situation: Situation;
  /** Claimed ahead, to be loaded ahead. */
  readonly next: SelectionTask | null;
  readonly connection: Connection;
  readonly unsent: number;
  /** Where the rating in work is kept. */
  readonly draft: "server" | "saving" | "here";
  readonly idle: boolean;
  /** When the lease ends unless it is extended, in ms of the desk's clock. */
  readonly leaseEndsAt: number;
  readonly notice: string | null;
  readonly submitted: number;
}

const IDLE_AFTER_MS = 120_000;
const DRAFT_AFTER_MS = 800;
const LOOK_AGAIN_MS = 15_000;
const TICK_MS = 1_000;
const GONE = new Set(["lease_superseded", "work_item_closed", "no_such_selection", "no_such_work_item"]);
const MOVED_ON = new Set([
  "pair_moved_on",
  "tournament_finished",
  "tournament_unfinished",
  "nothing_to_undo",
]);

/**
 * One person's desk of Stage 2: the task in work, the one claimed ahead, and everything on its way to the server.
 * It knows nothing of the page: commands go in, snapshots come out.
 */
export class Desk {
  #snapshot: Snapshot;
  readonly #listeners = new Set<() => void>();
  readonly #outbox: Outbox;
  readonly #api: DeskApi;
  readonly #journal: Journal;
  readonly #now: () => number;
  #taskTime: ActiveTime;
  #pairTime: ActiveTime;
  #prefetching: Promise<void> | null = null;
  #heartbeatDueAt = Number.POSITIVE_INFINITY;
  #lookAgainAt = Number.POSITIVE_INFINITY;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;

  constructor({
    api,
    journal,
    now = Date.now,
    pause,
  }: {
    api: DeskApi;
    journal: Journal;
    now?: () => number;
    pause?: (ms: number) => Promise<void>;
  }) {
    this.#api = api;
    this.#journal = journal;
    this.#now = now;
    this.#taskTime = new ActiveTime(now, IDLE_AFTER_MS);
    this.#pairTime = new ActiveTime(now, IDLE_AFTER_MS);
    this.#outbox = new Outbox({
      journal,
      post: (write) => api.post(write),
      onChange: () => this.#set({ connection: this.#outbox.connection, unsent: this.#outbox.waiting }),
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

  readonly snapshot = (): Snapshot => this.#snapshot;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Send what an earlier page left, then take up the task in work or the next one. */
  async start(): Promise<void> {
    this.#ticking ??= setInterval(() => this.tick(), TICK_MS);
    await this.#outbox.sendLeftOver((write, problem) => this.#refusedLate(write, problem));
    await this.#load();
  }

  stop(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#draftTimer);
  }

  /** The person is there: time counts, and the lease goes on. */
  sign(): void {
    this.#taskTime.sign();
    this.#pairTime.sign();
    if (!this.#snapshot.idle) return;
    this.#set({ idle: false });
    void this.#heartbeat();
  }

  /** What time brings: idleness, the heartbeat, another look into an empty queue. */
  tick(): void {
    const { situation, idle } = this.#snapshot;
    if (situation.kind === "empty" && this.#now() >= this.#lookAgainAt) void this.#load();
    if (situation.kind !== "working") return;
    if (this.#taskTime.idle !== idle) this.#set({ idle: this.#taskTime.idle });
    if (!this.#taskTime.idle && this.#now() >= this.#heartbeatDueAt) void this.#heartbeat();
  }

  async answer(answer: Answer): Promise<void> {
    const state = this.#working();
    const asked = state && answering(state, answer);
    if (!asked || asked === state) return;
    const { task, progress } = asked;
    const duration_ms = this.#pairTime.durationMs;
    const body = { token: task.token, answer, round: progress.round, duration_ms };
    await this.#step(asked, { key: newKey(), workItem: task.work_item, kind: "answer", body });
  }

  async undo(): Promise<void> {
    const state = this.#working();
    const asked = state && undoing(state);
    if (!asked || asked === state) return;
    const { work_item: workItem, token } = asked.task;
    await this.#step(asked, { key: newKey(), workItem, kind: "undo", token });
  }

  rate(rating: number): void {
    const state = this.#working();
    if (state) this.#edit(rated(state, rating));
  }

  giveReason(reason: FailureReason): void {
    const state = this.#working();
    if (state) this.#edit(reasoned(state, reason));
  }

  /** Send the rating and go on at once; what is missing is said instead. */
  async submit(): Promise<void> {
    const state = this.#working();
    if (!state) return;
    const lacking = missing(state);
    if (lacking !== null || state.rating === null) {
      this.#set({ notice: lacking });
      return;
    }
    const { task } = state;
    const body = {
      token: task.token,
      rating: state.rating,
      failure_reason: reasonWanted(state) ? state.reason : "",
      duration_ms: this.#taskTime.durationMs,
      guideline_version: task.guidelines.version,
    } as const;
    await this.#finish({ key: newKey(), workItem: task.work_item, kind: "submit", body });
  }

  /** Leave the task to others and go on. */
  async skip(reason: SkipReason, note: string): Promise<void> {
    const state = this.#working();
    if (!state) return;
    const { work_item: workItem, token } = state.task;
    await this.#finish({ key: newKey(), workItem, kind: "skip", body: { token, reason, note } });
  }

  /** After a stop, or when the queue was empty: take up what there is now. */
  async goOn(): Promise<void> {
    if (this.#snapshot.situation.kind === "working") return;
    await this.#load();
  }

  clearNotice(): void {
    this.#set({ notice: null });
  }

  async #load(): Promise<void> {
    this.#lookAgainAt = Number.POSITIVE_INFINITY;
    if (this.#snapshot.situation.kind !== "empty") this.#set({ situation: { kind: "loading" } });
    await this.#outbox.settled(); // what is not submitted yet would be given to us again
    try {
      const key = newKey();
      const task = await this.#outbox.patiently(() => this.#api.claim({ prefetch: false, key }));
      if (task !== null) return this.#show(task);
      this.#lookAgainAt = this.#now() + LOOK_AGAIN_MS;
      this.#set({ situation: { kind: "empty" } });
    } catch (problem) {
      this.#stop("The next task could not be taken up", problem);
    }
  }

  #show(task: SelectionTask): void {
    const kept = this.#journal.kept(task.work_item);
    this.#taskTime = new ActiveTime(this.#now, IDLE_AFTER_MS, kept?.activeMs);
    this.#pairTime = new ActiveTime(this.#now, IDLE_AFTER_MS);
    this.#extend(task.lease_seconds);
    const state = openTask(task, kept?.draft);
    this.#set({ situation: { kind: "working", state }, draft: "server", idle: false });
    if (task.phase === "rate") void this.#recallDraft(task.work_item, kept?.savedAt ?? 0);
    this.#prefetchIfNear();
  }

  /** The server's draft counts where it is newer than this machine's: the person changed machines. */
  async #recallDraft(workItem: string, keptAt: number): Promise<void> {
    const saved = await this.#api.loadDraft(workItem).catch(() => null); // without it the rating is given anew
    const draft = saved && readDraft(saved.content);
    const state = this.#working();
    if (!draft || saved.savedAt <= keptAt || state?.task.work_item !== workItem || state.pending) return;
    this.#set({ situation: { kind: "working", state: { ...state, ...draft } } });
  }

  async #step(asked: TaskState, write: Write): Promise<void> {
    this.#set({ situation: { kind: "working", state: asked }, notice: null });
    try {
      const progress = await this.#outbox.send(write);
      const state = this.#working();
      if (progress === null || state?.task.work_item !== write.workItem) return;
      this.#pairTime = new ActiveTime(this.#now, IDLE_AFTER_MS);
      const moved = progressed(state, progress);
      this.#set({ situation: { kind: "working", state: moved } });
      this.#keep(moved);
      this.#prefetchIfNear();
    } catch (problem) {
      await this.#refused(write.workItem, problem);
    }
  }

  async #refused(workItem: string, problem: unknown): Promise<void> {
    if (this.#working()?.task.work_item !== workItem) return;
    if (!(problem instanceof ApiProblem) || !MOVED_ON.has(problem.code)) {
      this.#stop("Your last step was not taken", problem);
      return;
    }
    try {
      this.#show(await this.#outbox.patiently(() => this.#api.read(workItem)));
      this.#set({ notice: "This task has moved on in another window. This is where it stands." });
    } catch (again) {
      this.#stop("The task could not be read again", again);
    }
  }

  /** Hand the task in, and put the next one on the desk without waiting for the answer. */
  async #finish(write: Write): Promise<void> {
    clearTimeout(this.#draftTimer);
    const sent = this.#outbox.send(write).then(
      () => {
        this.#journal.forget(write.workItem);
        this.#set({ submitted: this.#snapshot.submitted + (write.kind === "submit" ? 1 : 0) });
      },
      (problem: unknown) => this.#refusedLate(write, problem),
    );
    this.#set({ notice: null });
    await this.#prefetching;
    const { next } = this.#snapshot;
    if (next === null) return this.#load();
    this.#set({ next: null });
    this.#show(next);
    await Promise.all([sent, this.#heartbeat()]);
  }

  /** A write that was sent in the background was refused: what it said is kept as a draft, and explained. */
  #refusedLate(write: Write, problem: unknown): void {
    const what = { submit: "rating", skip: "skip", answer: "answer", undo: "step back" }[write.kind];
    const gone = problem instanceof ApiProblem && GONE.has(problem.code);
    if (write.kind === "submit") {
      const { rating, failure_reason: reason } = write.body;
      void this.#api.saveDraft(write.workItem, { rating, reason }).catch(() => undefined); // the journal has it still
    }
    const why = gone ? "somebody else had taken that task over by then" : messageOf(problem);
    const kept = write.kind === "submit" ? " It is kept as a draft." : "";
    this.#set({ notice: `Your last ${what} was not taken: ${why}.${kept}` });
  }

  #edit(state: TaskState): void {
    if (state === this.#working()) return;
    this.#set({ situation: { kind: "working", state }, draft: "saving", notice: null });
    this.#keep(state);
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => void this.#saveDraft(), DRAFT_AFTER_MS);
  }

  async #saveDraft(): Promise<void> {
    const state = this.#working();
    if (!state || state.rating === null) return;
    const { rating, reason } = state;
    try {
      await this.#api.saveDraft(state.task.work_item, { rating, reason });
      if (this.#working() === state) this.#set({ draft: "server" });
    } catch {
      if (this.#working() === state) this.#set({ draft: "here" }); // said on the page; the journal has it
    }
  }

  #keep(state: TaskState): void {
    const { rating, reason } = state;
    const draft = rating === null ? null : { rating, reason };
    const activeMs = this.#taskTime.durationMs;
    this.#journal.keep(state.task.work_item, { draft, activeMs, savedAt: this.#now() });
  }

  /** From the last pair on, the next task is wanted beside this one. */
  #prefetchIfNear(): void {
    const state = this.#working();
    if (!state || state.progress.round < state.progress.rounds) return;
    if (this.#prefetching !== null || this.#snapshot.next !== null) return;
    const current = state.task.work_item;
    this.#prefetching = this.#api
      .claim({ prefetch: true, key: newKey() })
      .then(
        (next) => {
          if (next !== null && next.work_item !== current) this.#set({ next });
        },
        () => undefined, // it is asked for again when it is wanted
      )
      .finally(() => {
        this.#prefetching = null;
      });
  }

  async #heartbeat(): Promise<void> {
    const state = this.#working();
    if (!state) return;
    this.#heartbeatDueAt = Number.POSITIVE_INFINITY;
    const { next } = this.#snapshot;
    if (next !== null) {
      await this.#api.heartbeat(next.work_item, next.token).catch((problem: unknown) => {
        const gone = problem instanceof ApiProblem && GONE.has(problem.code);
        if (gone && this.#snapshot.next === next) this.#set({ next: null });
      });
    }
    const { work_item: workItem, token, lease_seconds } = state.task;
    try {
      const lease = await this.#api.heartbeat(workItem, token);
      if (this.#working()?.task.work_item === workItem) this.#extend(lease.lease_seconds);
    } catch (problem) {
      if (this.#working()?.task.work_item !== workItem) return;
      if (problem instanceof ApiProblem && problem.passing) {
        this.#heartbeatDueAt = this.#now() + (lease_seconds * 1000) / 10;
      } else {
        this.#stop("This task is no longer yours", problem);
      }
    }
  }

  #extend(leaseSeconds: number): void {
    this.#heartbeatDueAt = this.#now() + (leaseSeconds * 1000) / 4;
    this.#set({ leaseEndsAt: this.#now() + leaseSeconds * 1000 });
  }

  #stop(title: string, problem: unknown): void {
    clearTimeout(this.#draftTimer);
    const state = this.#working();
    if (state) {
      this.#keep(state);
      if (state.rating !== null) void this.#saveDraftOf(state);
    }
    const gone = problem instanceof ApiProblem && GONE.has(problem.code);
    const text = gone
      ? "Your lease ran out and somebody else took the task over, or it was withdrawn. Every comparison that you made is stored, and your rating, if you gave one, is kept as a draft."
      : messageOf(problem);
    this.#set({
      situation: { kind: "stopped", title: gone ? "This task is no longer yours" : title, text },
    });
  }

  async #saveDraftOf({ task, rating, reason }: TaskState): Promise<void> {
    await this.#api.saveDraft(task.work_item, { rating, reason }).catch(() => undefined); // the journal has it
  }

  #working(): TaskState | null {
    const { situation } = this.#snapshot;
    return situation.kind === "working" ? situation.state : null;
  }

  #set(change: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }
}

function messageOf(problem: unknown): string {
  return problem instanceof Error ? problem.message : String(problem);
}
