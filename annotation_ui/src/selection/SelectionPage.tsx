import { useCallback, useState } from "react";
import type { Answer, FailureReason } from "../api/selections";
import { reportLoadFailure } from "../api/selections";
import { HotButton } from "../keys/HotButton";
import type { PhotoMode } from "../photograph/draw";
import { WorkFrame } from "../work/WorkFrame";
import { COMMANDS, type CommandId } from "./commands";
import { look } from "./looking";
import { Rating } from "./Rating";
import type { Stage } from "./scene/stage";
import type { SelectionDesk } from "./task/desk";
import { anchorsOf } from "./task/rubric";
import { missing, REASONS, ratingOf, type TaskState } from "./task/taskState";
import { Text, Work } from "./Work";

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
        default: {
          if (look(command, stage, setPhotoMode)) return;
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
          onFailed={reportLoadFailure}
          run={run}
          side={state && <Side state={state} desk={desk} run={run} />}
          sideLabel="Guidelines and rubric"
          whenShown="rate the winner"
          end={<Submit state={state} run={run} />}
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

function Side({ state, desk, run }: { state: TaskState; desk: SelectionDesk; run: (id: string) => void }) {
  const rating = state.standing.phase === "rate";
  return (
    <>
      {rating && <Rating state={state} desk={desk} run={run} />}
      {!rating && <Text markdown={state.task.guidelines.markdown} />}
      <Text markdown={state.task.rubric.markdown} />
    </>
  );
}

function Submit({ state, run }: { state: TaskState | null; run: (id: string) => void }) {
  const lacking = state && missing(state);
  return (
    <HotButton
      size="md"
      variant="filled"
      command="submit"
      run={run}
      disabled={lacking !== null}
      title={lacking ?? ""}
    >
      Submit
    </HotButton>
  );
}
