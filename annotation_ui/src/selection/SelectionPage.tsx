import { useCallback, useState } from "react";
import type { Answer, FailureReason } from "../api/selections";
import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import { WorkFrame } from "../work/WorkFrame";
import { COMMANDS, type CommandId } from "./commands";
import type { Stage } from "./scene/stage";
import type { SelectionDesk } from "./task/desk";
import { anchorsOf } from "./task/rubric";
import { REASONS, ratingOf, type TaskState } from "./task/taskState";
import { Work } from "./Work";

const TURN_RADIANS = Math.PI / 24;
const CLOSER_PER_PRESS = 1.15;
const RATING_STEP = 0.05;

/** Stage 2: the desk on the page, with every command on a key. */
export function SelectionPage({ desk }: { desk: SelectionDesk }) {
  const [photoMode, setPhotoMode] = useState<PhotoMode>("full");
  const [stage, setStage] = useState<Stage | null>(null);

  const onCommand = useCallback(
    (id: string, state: TaskState | null) => {
      const command = id as CommandId;
      switch (command) {
        case "left":
        case "right":
        case "equal":
          if (stage?.state().revealed) void desk.answer(command satisfies Answer);
          return;
        case "undo":
          return void desk.undo();
        case "redo":
          return void desk.redo();
        case "submit":
          return void desk.submit();
        case "lower":
          return desk.rate(ratingNow(state) - RATING_STEP);
        case "higher":
          return desk.rate(ratingNow(state) + RATING_STEP);
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
          return stage?.closer(CLOSER_PER_PRESS);
        case "farther":
          return stage?.closer(1 / CLOSER_PER_PRESS);
        case "start_view":
          return stage?.startView();
        default: {
          const anchors = anchorsOf(state?.task.rubric.markdown ?? "");
          const rating = anchors[Number(/^anchor(\d)$/.exec(command)?.[1]) - 1]?.rating;
          if (rating !== undefined) return desk.rate(rating);
          const reason = REASONS.find(({ value }) => value === command);
          if (reason) desk.giveReason(reason.value satisfies FailureReason);
        }
      }
    },
    [desk, stage],
  );

  return (
    <WorkFrame
      page="selection"
      stage="selection"
      place="Stage 2 · Selection"
      desk={desk}
      commands={COMMANDS}
      contextOf={phaseOf}
      onCommand={onCommand}
      emptyTitle="Nothing waits to be compared"
      emptyText="Every set of candidates is judged, in other people's hands, or was skipped by you. New ones arrive as the generators finish; this page looks again every 15 seconds and goes on by itself."
    >
      {({ state, snapshot, run, notices }) => (
        <Work
          state={state}
          next={snapshot.next}
          photoMode={photoMode}
          onPhotoMode={setPhotoMode}
          onStage={setStage}
          desk={desk}
          run={run}
        >
          {notices}
        </Work>
      )}
    </WorkFrame>
  );
}

function ratingNow(state: TaskState | null): number {
  return (state && ratingOf(state)?.rating) ?? 0.5;
}

function phaseOf(state: TaskState) {
  return state.standing.phase;
}
