import { useCallback, useState } from "react";
import { reportBallotLoadFailure } from "../api/ballots";
import { HotButton } from "../keys/HotButton";
import type { PhotoMode } from "../photograph/draw";
import { look } from "../selection/looking";
import type { Stage } from "../selection/scene/stage";
import { Text, Work } from "../selection/Work";
import { WorkFrame } from "../work/WorkFrame";
import { COMMANDS } from "./commands";
import type { BallotState, VotingDesk } from "./desk";

/** Models compared, blind: one vote a round, then the next object. The Stage 2 page without its rating. */
export function VotingPage({ desk }: { desk: VotingDesk }) {
  const [photoMode, setPhotoMode] = useState<PhotoMode>("full");
  const [stage, setStage] = useState<Stage | null>(null);

  const onCommand = useCallback(
    (command: string) => {
      switch (command) {
        case "left":
        case "right":
        case "equal":
          if (stage?.state().revealed) void desk.answer(command);
          return;
        case "undo":
          return void desk.undo();
        case "redo":
          return void desk.redo();
        case "hand_in":
          return void desk.handIn();
        default:
          look(command, stage, setPhotoMode);
      }
    },
    [desk, stage],
  );

  return (
    <WorkFrame
      page="voting"
      stage="evaluation"
      place="Evaluation · Which is closer to the object?"
      desk={desk}
      commands={COMMANDS}
      contextOf={phaseOf}
      onCommand={onCommand}
      emptyTitle="Nothing waits for a vote"
      emptyText="Every comparison is voted on, in other people's hands, or was judged or skipped by you: nobody votes twice on the same. New ones arrive when engineers compare models; this page looks again every 15 seconds and goes on by itself."
    >
      {({ state, snapshot, run, notices }) => (
        <Work
          state={state}
          next={snapshot.next}
          photoMode={photoMode}
          onPhotoMode={setPhotoMode}
          onStage={setStage}
          onFailed={reportBallotLoadFailure}
          run={run}
          side={state && <Text markdown={state.task.guidelines.markdown} />}
          sideLabel="Guidelines"
          whenShown="all compared"
          end={
            <HotButton size="md" variant="filled" command="hand_in" run={run}>
              Hand in, next object
            </HotButton>
          }
        >
          {notices}
        </Work>
      )}
    </WorkFrame>
  );
}

function phaseOf(state: BallotState) {
  return state.standing.phase;
}
