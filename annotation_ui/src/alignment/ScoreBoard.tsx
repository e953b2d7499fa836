import { Slider, Text } from "@mantine/core";
import { useRef } from "react";
import type { AlignmentTask } from "../api/alignments";
import { HotButton } from "../keys/HotButton";
import classes from "./ScoreBoard.module.css";
import type { Display } from "./scene/display";
import { FIT_COLOURS } from "./scene/photographView";
import type { Stage } from "./scene/stage";
import type { Scores } from "./scores/scores";
import { useFollowing } from "./useStage";

interface Props {
  stage: Stage | null;
  task: AlignmentTask | null;
  display: Display;
  onDisplay: (change: Partial<Display>) => void;
  run: (id: string) => void;
}

/** Both scores as they stand, and what has changed since the task was opened. They advise. */
export function ScoreBoard({ stage, task, display, onDisplay, run }: Props) {
  return (
    <div className={classes.board}>
      <LiveScores stage={stage} task={task} />
      <div className={classes.overlay}>
        <HotButton
          size="compact-sm"
          command="overlay"
          run={run}
          title="Fit, surface or outline over the photograph"
        >
          Overlay: {display.overlay}
        </HotButton>
        <HotButton
          size="compact-sm"
          command="photo"
          run={run}
          title="Show the target large, or all of the photograph"
        >
          {display.close ? "Zoomed" : "Whole"}
        </HotButton>
      </div>
      <Slider
        className={classes.opacity}
        size="sm"
        min={0}
        max={1}
        step={0.1}
        value={display.opacity}
        disabled={display.overlay === "outline"}
        label={null}
        thumbLabel="Opacity of the overlay"
        onChange={(opacity) => onDisplay({ opacity })}
      />
      <div className={classes.legend} data-shown={display.overlay === "fit"}>
        {Object.entries(FIT_COLOURS).map(([name, colour]) => (
          <Text key={name} size="xs" component="span" className={classes.entry}>
            <span className={classes[name]} style={{ "--colour": colour } as React.CSSProperties} /> {name}
          </Text>
        ))}
      </div>
    </div>
  );
}

/** The numbers alone, written into the page as the object moves. */
function LiveScores({ stage, task }: Pick<Props, "stage" | "task">) {
  const board = useRef<HTMLDivElement>(null);
  useFollowing(stage, ({ scored }) => {
    if (board.current) board.current.dataset.scores = scored ? "now" : "behind";
  });
  const pointless = task?.inlier_tolerance === null;
  return (
    <div ref={board} className={classes.scores}>
      <Score
        name="silhouette"
        title="Overlap of the mesh's outline with the marked object (IoU)"
        stage={stage}
        read={({ silhouetteIou }) => silhouetteIou}
      />
      <Score
        name="points"
        title={
          pointless
            ? "The object has no valid points"
            : `Share of the object's points within ${task?.inlier_tolerance?.toPrecision(2) ?? "τ"} of the surface`
        }
        stage={stage}
        read={({ inlierShare }) => inlierShare}
        none={pointless}
      />
    </div>
  );
}

function Score({
  name,
  title,
  stage,
  read,
  none = false,
}: {
  name: string;
  title: string;
  stage: Stage | null;
  read: (scores: Scores) => number | null;
  none?: boolean;
}) {
  const score = useRef<HTMLDivElement>(null);
  const value = useRef<HTMLSpanElement>(null);
  const change = useRef<HTMLSpanElement>(null);
  useFollowing(stage, ({ scores, firstScores }) => {
    if (!score.current || !value.current || !change.current) return;
    const [now, first] = [read(scores), read(firstScores)];
    const changed = now === null || first === null ? null : now - first;
    score.current.dataset.value = String(now ?? "");
    value.current.textContent = now === null ? (none ? "–" : "…") : now.toFixed(2);
    change.current.dataset.sign = signOf(changed);
    change.current.textContent = changed === null ? "" : `${arrowOf(changed)}${Math.abs(changed).toFixed(2)}`;
  });
  return (
    <div ref={score} className={classes.score} title={title} data-score={name}>
      <span className={classes.name}>{name}</span>
      <span ref={value} className={classes.value} />
      <span ref={change} className={classes.change} />
    </div>
  );
}

function signOf(change: number | null): "better" | "worse" | "same" {
  if (change === null || Math.abs(change) < 0.005) return "same";
  return change > 0 ? "better" : "worse";
}

function arrowOf(change: number): string {
  return { better: "▲ +", worse: "▼ −", same: "  " }[signOf(change)];
}
