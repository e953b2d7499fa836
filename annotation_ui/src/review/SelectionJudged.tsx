import { Button, Group, Text } from "@mantine/core";
import { type JudgedSelection, useJudgedSelection } from "../api/reviews";
import { reportLoadFailure } from "../api/selections";
import type { PhotoMode } from "../photograph/draw";
import { Photograph } from "../photograph/Photograph";
import type { Stage } from "../selection/scene/stage";
import { Turntables } from "../selection/Turntables";
import { openTask, type TaskState } from "../selection/task/taskState";
import { standingAfter } from "../selection/task/tournament";
import { Loading } from "./Loading";
import classes from "./Review.module.css";

interface Props {
  workItem: string;
  photoMode: PhotoMode;
  /** Which comparison is on show, from 0; null: the winner. */
  round: number | null;
  onRound: (round: number | null) => void;
  onStage: (stage: Stage | null) => void;
  run: (command: string) => void;
}

/** A Stage 2 judgement on its turntables: the winner with its rating, and every comparison as it was played. */
export function SelectionJudged({ workItem, photoMode, round, onRound, onStage, run }: Props) {
  const judged = useJudgedSelection(workItem);
  if (!judged.data) return <Loading query={judged} />;
  const { image, mask, category, answers, rating, failure_reason: reason, rated_bar: bar } = judged.data;
  const state = stateAt(judged.data, round);
  const said = round === null ? null : answers[round];
  return (
    <>
      <div className={classes.pair}>
        <div className={classes.small}>
          <Photograph
            key={image.url}
            image={image}
            mask={mask}
            mode={photoMode}
            label={`Photograph; marked: ${category || "an object"}`}
          />
        </div>
        <Turntables
          key={workItem}
          state={state}
          next={null}
          onStage={onStage}
          onFailed={reportLoadFailure}
          run={run}
        />
      </div>
      <Group gap={4} mt="xs" role="group" aria-label="Comparisons">
        {answers.map((answer, index) => (
          <Button
            // biome-ignore lint/suspicious/noArrayIndexKey: a comparison is its place in the log
            key={index}
            size="compact-sm"
            variant={round === index ? "light" : "default"}
            aria-pressed={round === index}
            onClick={() => onRound(index)}
          >
            {index + 1} {answer}
          </Button>
        ))}
        <Button
          size="compact-sm"
          variant={round === null ? "light" : "default"}
          aria-pressed={round === null}
          onClick={() => onRound(null)}
        >
          Winner
        </Button>
      </Group>
      <Text mt={4}>
        {said === null
          ? `Winner rated ${rating.toFixed(2)}, bar ${bar.toFixed(2)}${reason && `: ${reason.replaceAll("_", " ")}`}`
          : `Comparison ${(round ?? 0) + 1} of ${answers.length}: ${said}`}
      </Text>
    </>
  );
}

function stateAt(task: JudgedSelection, round: number | null): TaskState {
  const state = openTask(task);
  if (round === null || round >= task.answers.length) return state;
  return { ...state, standing: standingAfter(task, task.answers.slice(0, round)) };
}
