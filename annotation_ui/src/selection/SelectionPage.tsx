import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { useMe } from "../api/me";
import type { Answer, FailureReason } from "../api/selections";
import { keepBindings, loadBindings } from "../keys/bindings";
import { BindingsContext } from "../keys/HotButton";
import { KeysDialog } from "../keys/KeysDialog";
import { useHotkeys } from "../keys/useHotkeys";
import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import { Header } from "../shell/Header";
import type { Situation } from "../work/desk";
import { Notices } from "../work/Notices";
import classes from "../work/page.module.css";
import { SkipDialog } from "../work/SkipDialog";
import { Status } from "../work/Status";
import { Stopped } from "../work/Stopped";
import { useSigns } from "../work/useSigns";
import { COMMANDS, type CommandId, type Context } from "./commands";
import type { Stage } from "./scene/stage";
import type { SelectionDesk } from "./task/desk";
import { anchorsOf } from "./task/rubric";
import { REASONS, type TaskState } from "./task/taskState";
import { Work } from "./Work";

const TURN_RADIANS = Math.PI / 24;
const RATING_STEP = 0.05;

/** Stage 2: the desk on the page, with every command on a key. */
export function SelectionPage({ desk }: { desk: SelectionDesk }) {
  const snapshot = useSyncExternalStore(desk.subscribe, desk.snapshot);
  const me = useMe({ orSignIn: false });
  const queries = useQueryClient();
  const [bindings, setBindings] = useState(() => loadBindings("selection", COMMANDS));
  const [dialog, setDialog] = useState<"skip" | "keys" | null>(null);
  const [photoMode, setPhotoMode] = useState<PhotoMode>("full");
  const [stage, setStage] = useState<Stage | null>(null);
  const { situation, submitted } = snapshot;

  const run = useCallback(
    (id: string) => {
      const state = situation.kind === "working" ? situation.state : null;
      const command = id as CommandId;
      const anchors = anchorsOf(state?.task.rubric.markdown ?? "");
      switch (command) {
        case "left":
        case "right":
        case "equal":
          return void desk.answer(command satisfies Answer);
        case "undo":
          return void desk.undo();
        case "skip":
        case "keys":
          return setDialog(command);
        case "submit":
          return void desk.submit();
        case "go_on":
          return void desk.goOn();
        case "lower":
          return desk.rate((state?.rating ?? 0.5) - RATING_STEP);
        case "higher":
          return desk.rate((state?.rating ?? 0.5) + RATING_STEP);
        case "photo":
          return setPhotoMode(
            (mode) => PHOTO_MODES[(PHOTO_MODES.indexOf(mode) + 1) % PHOTO_MODES.length] ?? mode,
          );
        case "rotation":
          return stage?.setRotating(!stage.state().rotating);
        case "linked":
          return stage?.setLinked(!stage.state().linked);
        case "turn_left":
          return stage?.turn(-TURN_RADIANS, 0);
        case "turn_right":
          return stage?.turn(TURN_RADIANS, 0);
        case "turn_up":
          return stage?.turn(0, TURN_RADIANS);
        case "turn_down":
          return stage?.turn(0, -TURN_RADIANS);
        case "closer":
          return stage?.closer(1.15);
        case "farther":
          return stage?.closer(1 / 1.15);
        case "start_view":
          return stage?.startView();
        default: {
          const anchor = /^anchor(\d)$/.exec(command);
          const rating = anchors[Number(anchor?.[1]) - 1]?.rating;
          if (rating !== undefined) return desk.rate(rating);
          const reason = REASONS.find(({ value }) => value === command);
          if (reason) desk.giveReason(reason.value satisfies FailureReason);
        }
      }
    },
    [desk, situation, stage],
  );
  useHotkeys(COMMANDS, bindings, dialog === null ? contextOf(situation) : "dialog", run);

  useSigns(desk);

  // biome-ignore lint/correctness/useExhaustiveDependencies: my day changes with every task handed in
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ["me"] });
  }, [queries, submitted]);

  const notices = <Notices snapshot={snapshot} onDismiss={() => desk.clearNotice()} />;
  return (
    <BindingsContext value={bindings}>
      <div className={classes.page}>
        <Header place="Stage 2 · Selection" me={me.data}>
          <Status snapshot={snapshot} today={me.data?.stages.selection?.today} run={run} />
        </Header>
        {situation.kind === "working" || situation.kind === "loading" ? (
          <Work
            state={situation.kind === "working" ? situation.state : null}
            next={snapshot.next}
            photoMode={photoMode}
            onPhotoMode={setPhotoMode}
            onStage={setStage}
            desk={desk}
            run={run}
          >
            {notices}
          </Work>
        ) : (
          <Stopped
            situation={situation}
            run={run}
            emptyTitle="Nothing waits to be compared"
            emptyText="Every set of candidates is judged, in other people's hands, or was skipped by you. New ones arrive as the generators finish; this page looks again every 15 seconds and goes on by itself."
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
        onChange={(changed) => {
          keepBindings("selection", COMMANDS, changed);
          setBindings(changed);
        }}
      />
    </BindingsContext>
  );
}

function contextOf(situation: Situation<TaskState>): Context {
  if (situation.kind === "working") return situation.state.progress.phase;
  return situation.kind === "loading" ? "busy" : "stopped";
}
