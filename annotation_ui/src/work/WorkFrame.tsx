import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useMe } from "../api/me";
import type { Bindings, Command } from "../keys/bindings";
import { BindingsContext } from "../keys/HotButton";
import { KeysDialog } from "../keys/KeysDialog";
import { useBindings } from "../keys/useBindings";
import { useHotkeys } from "../keys/useHotkeys";
import { useUndoKeys } from "../keys/useUndoKeys";
import { Header } from "../shell/Header";
import type { Desk, LeasedTask, Snapshot, Write } from "./desk";
import { Notices } from "./Notices";
import classes from "./page.module.css";
import { SkipDialog } from "./SkipDialog";
import { Status } from "./Status";
import { Stopped } from "./Stopped";
import { useSigns } from "./useSigns";

/** What the frame asks of a desk. */
type AnyDesk<T extends LeasedTask & Photographed, S extends { readonly task: T }> = Pick<
  Desk<T, S, Write, unknown, unknown>,
  "snapshot" | "subscribe" | "sign" | "skip" | "goOn" | "clearNotice"
>;

interface Photographed {
  image: { url: string; preview_url?: string | null };
}

interface Props<T extends LeasedTask & Photographed, S extends { readonly task: T }> {
  /** Under this name the person's keys of the page are kept. */
  page: string;
  /** Stage of the work items, as the server names it. */
  stage: string;
  /** Title in the header. */
  place: string;
  desk: AnyDesk<T, S>;
  /** All commands of the page, `frameCommands` among them. */
  commands: readonly Command[];
  /** The situation of the page while a task is on the desk. */
  contextOf: (state: S) => string;
  /** Commands that are the page's own, and the keys in force. */
  onCommand: (id: string, state: S | null, bindings: Bindings) => void;
  /** Sets of keys that people know from elsewhere. */
  presets?: readonly { label: string; bindings: Bindings }[];
  /** Why the queue is empty, and what comes next. */
  emptyTitle: string;
  emptyText: string;
  /** The page while there is work, or while it is on its way (`state` null). It puts the notices where they fit. */
  children: (work: {
    state: S | null;
    snapshot: Snapshot<T, S>;
    run: (id: string) => void;
    notices: ReactNode;
  }) => ReactNode;
}

/** What the pages of all stages share: header, keys, notices, skipping, the empty queue, the next photograph. */
export function WorkFrame<T extends LeasedTask & Photographed, S extends { readonly task: T }>({
  page,
  stage,
  place,
  desk,
  commands,
  contextOf,
  onCommand,
  presets,
  emptyTitle,
  emptyText,
  children,
}: Props<T, S>) {
  const snapshot = useSyncExternalStore(desk.subscribe, desk.snapshot);
  const me = useMe({ orSignIn: false });
  const queries = useQueryClient();
  const [bindings, setBindings] = useBindings(page, commands);
  const [dialog, setDialog] = useState<"skip" | "keys" | null>(null);
  const { situation, submitted, next } = snapshot;
  const state = situation.kind === "working" ? situation.state : null;

  const run = useCallback(
    (id: string) => {
      if (id === "go_on") void desk.goOn();
      else if (id === "skip" || id === "keys") setDialog(id);
      else onCommand(id, state, bindings);
    },
    [desk, onCommand, state, bindings],
  );
  const idle = situation.kind === "loading" ? "busy" : "stopped";
  const context = state === null ? idle : contextOf(state);
  useHotkeys(commands, bindings, dialog === null ? context : "dialog", run);
  useUndoKeys(dialog === null && state !== null, run);
  useSigns(desk);

  // biome-ignore lint/correctness/useExhaustiveDependencies: my day changes with every task handed in
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["me"] });
  }, [queries, submitted]);

  const nextPhotograph = next?.image.preview_url ?? next?.image.url;
  useEffect(() => {
    if (nextPhotograph) new Image().src = nextPhotograph; // into the browser's cache
  }, [nextPhotograph]);

  const note = state?.task.reviewer_note;
  const returned = state && note ? { workItem: state.task.work_item, note } : null;
  const notices = <Notices snapshot={snapshot} returned={returned} onDismiss={() => desk.clearNotice()} />;
  return (
    <BindingsContext value={bindings}>
      <div className={classes.page}>
        <Header place={place} me={me.data}>
          <Status snapshot={snapshot} today={me.data?.stages[stage]?.today} run={run} />
        </Header>
        {situation.kind === "working" || situation.kind === "loading" ? (
          children({ state, snapshot, run, notices })
        ) : (
          <Stopped situation={situation} run={run} emptyTitle={emptyTitle} emptyText={emptyText}>
            {notices}
          </Stopped>
        )}
      </div>
      <SkipDialog
        opened={dialog === "skip"}
        onClose={() => setDialog(null)}
        onSkip={(reason, note) => {
          setDialog(null);
          void desk.skip(reason, note);
        }}
      />
      <KeysDialog
        opened={dialog === "keys"}
        onClose={() => setDialog(null)}
        commands={commands}
        bindings={bindings}
        onChange={setBindings}
        {...(presets && { presets })}
      />
    </BindingsContext>
  );
}
