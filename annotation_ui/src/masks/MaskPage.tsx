import { Autocomplete, Group, ScrollArea, Skeleton, Stack, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { useMe } from "../api/me";
import { BindingsContext, HotButton } from "../keys/HotButton";
import { KeysDialog } from "../keys/KeysDialog";
import { useBindings } from "../keys/useBindings";
import { useHotkeys } from "../keys/useHotkeys";
import { Header } from "../shell/Header";
import { Notices } from "../work/Notices";
import frame from "../work/page.module.css";
import { SkipDialog } from "../work/SkipDialog";
import { Status } from "../work/Status";
import { Stopped } from "../work/Stopped";
import { useSigns } from "../work/useSigns";
import { COMMANDS, type CommandId } from "./commands";
import type { Tool } from "./drawing";
import classes from "./MaskPage.module.css";
import { MaskView } from "./MaskView";
import type { MaskDesk } from "./task/desk";
import { isRefined, REASONS } from "./task/maskState";

const Markdown = lazy(async () => ({ default: (await import("../shell/Markdown")).Markdown })); // not needed to begin

const NO_RUNS: readonly number[] = [];

/** Stage 1: does the mask indicate one whole object? Verify it, draw it better, or discard it. */
export function MaskPage({ desk }: { desk: MaskDesk }) {
  const snapshot = useSyncExternalStore(desk.subscribe, desk.snapshot);
  const me = useMe({ orSignIn: false });
  const queries = useQueryClient();
  const [bindings, setBindings] = useBindings("masks", COMMANDS);
  const [dialog, setDialog] = useState<"skip" | "keys" | null>(null);
  const [tool, setTool] = useState<Tool>("brush");
  const [radius, setRadius] = useState(8);
  const [closeUp, setCloseUp] = useState(false);
  const [maskShown, setMaskShown] = useState(true);
  const categoryInput = useRef<HTMLInputElement>(null);
  const categories = useCategories();
  const { situation, submitted } = snapshot;
  const state = situation.kind === "working" ? situation.state : null;

  const run = useCallback(
    (id: string) => {
      const command = id as CommandId;
      switch (command) {
        case "accept":
          return void desk.accept();
        case "brush":
        case "eraser":
          return setTool(command);
        case "smaller":
          return setRadius((now) => Math.max(1, now / 1.25));
        case "larger":
          return setRadius((now) => Math.min(200, now * 1.25));
        case "undo":
          return desk.undo();
        case "redo":
          return desk.redo();
        case "category":
          return categoryInput.current?.select();
        case "zoom":
          return setCloseUp((now) => !now);
        case "peek":
          return setMaskShown((now) => !now);
        case "skip":
        case "keys":
          return setDialog(command);
        case "go_on":
          return void desk.goOn();
        default:
          return void desk.discard(command);
      }
    },
    [desk],
  );
  const working = state === null ? "stopped" : "judge";
  const context = situation.kind === "loading" ? "busy" : working;
  useHotkeys(COMMANDS, bindings, dialog === null ? context : "dialog", run);
  useSigns(desk);

  // biome-ignore lint/correctness/useExhaustiveDependencies: my day changes with every task handed in
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["me"] });
  }, [queries, submitted]);

  const nextPhotograph = snapshot.next?.image.url;
  useEffect(() => {
    if (nextPhotograph) new Image().src = nextPhotograph; // into the browser's cache
  }, [nextPhotograph]);

  const notices = <Notices snapshot={snapshot} onDismiss={() => desk.clearNotice()} />;
  return (
    <BindingsContext value={bindings}>
      <div className={frame.page}>
        <Header place="Stage 1 · Masks" me={me.data}>
          <Status snapshot={snapshot} today={me.data?.stages.mask?.today} run={run} />
        </Header>
        {situation.kind === "working" || situation.kind === "loading" ? (
          <main className={classes.work}>
            <MaskView
              task={state?.task ?? null}
              runs={state?.runs ?? NO_RUNS}
              tool={tool}
              radius={radius}
              closeUp={closeUp}
              maskShown={maskShown}
              onDrawn={(runs) => desk.draw(runs)}
            />
            <ScrollArea className={classes.side} type="auto" offsetScrollbars>
              <Stack gap="sm">
                <Autocomplete
                  ref={categoryInput}
                  label="Category"
                  description="Correct it where it is wrong; your own word if none fits."
                  data={categories}
                  limit={8}
                  value={state?.category ?? ""}
                  disabled={state === null}
                  onChange={(value) => desk.setCategory(value)}
                  onKeyDown={(event) => {
                    if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
                  }}
                  rightSection={null}
                />
                {state?.task.description && <Text c="dimmed">{state.task.description}</Text>}
                <Group gap="xs">
                  <HotButton size="compact-sm" command="brush" run={run} pressed={tool === "brush"}>
                    Brush
                  </HotButton>
                  <HotButton size="compact-sm" command="eraser" run={run} pressed={tool === "eraser"}>
                    Eraser
                  </HotButton>
                  <HotButton size="compact-sm" command="smaller" run={run}>
                    Smaller
                  </HotButton>
                  <HotButton size="compact-sm" command="larger" run={run}>
                    Larger
                  </HotButton>
                  <HotButton size="compact-sm" command="zoom" run={run} pressed={closeUp}>
                    Close-up
                  </HotButton>
                  <HotButton size="compact-sm" command="peek" run={run} pressed={maskShown}>
                    Mask
                  </HotButton>
                </Group>
                <Text size="sm" c="dimmed">
                  {tool} of {Math.round(2 * radius)} px · wheel zooms, right button moves
                </Text>
                {state ? (
                  <Suspense fallback={<Skeleton h={320} />}>
                    <Markdown text={state.task.guidelines.markdown} />
                  </Suspense>
                ) : (
                  <Skeleton h={320} />
                )}
              </Stack>
            </ScrollArea>
            {notices}
            <footer className={classes.bar}>
              <HotButton size="md" variant="filled" command="accept" run={run} disabled={state === null}>
                {state && isRefined(state) ? "Send refined" : "Verify"}
              </HotButton>
              <Group gap="xs" wrap="nowrap">
                <Text size="sm" c="dimmed">
                  Discard:
                </Text>
                {REASONS.map(({ value, label }) => (
                  <HotButton
                    key={value}
                    size="compact-md"
                    command={value}
                    run={run}
                    disabled={state === null}
                  >
                    {label}
                  </HotButton>
                ))}
              </Group>
              <Group gap="xs" wrap="nowrap">
                <HotButton command="undo" run={run} disabled={!state?.past.length}>
                  Undo
                </HotButton>
                <HotButton command="redo" run={run} disabled={!state?.future.length}>
                  Redo
                </HotButton>
                <HotButton command="skip" run={run} disabled={state === null}>
                  Skip…
                </HotButton>
              </Group>
            </footer>
          </main>
        ) : (
          <Stopped
            situation={situation}
            run={run}
            emptyTitle="No masks wait to be checked"
            emptyText="Every proposed mask is judged, in other people's hands, or was skipped by you. New ones arrive when photographs are imported; this page looks again every 15 seconds and goes on by itself."
          >
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
        commands={COMMANDS}
        bindings={bindings}
        onChange={setBindings}
      />
    </BindingsContext>
  );
}

/** Names of the taxonomy's leaves, once they are loaded. */
function useCategories(): string[] {
  const [names, setNames] = useState<string[]>([]);
  useEffect(() => {
    void import("../../../engine/contracts/taxonomy.json").then(({ default: leaves }) =>
      setNames(leaves.map((leaf) => leaf.id)),
    );
  }, []);
  return names;
}
