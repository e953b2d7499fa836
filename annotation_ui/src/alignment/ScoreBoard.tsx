import { Text } from "@mantine/core";
import type { AlignmentTask } from "../api/alignments";
import { HotButton } from "../keys/HotButton";
import classes from "./ScoreBoard.module.css";
import type { Display } from "./scene/display";
import { FIT_COLOURS } from "./scene/photographView";
import type { Stage } from "./scene/stage";
import { useStage } from "./Viewports";

interface Props {
  stage: Stage | null;
  task: AlignmentTask | null;
  display: Display;
  run: (id: string) => void;
}

/** Both scores as they stand, and what has changed since the task was opened. They advise. */
export function ScoreBoard({ stage, task, display, run }: Props) {
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

/** The numbers alone, so that nothing else is drawn anew while the object moves. */
function LiveScores({ stage, task }: Pick<Props, "stage" | "task">) {
  const scores = useStage(stage, (now) => now.scores);
  const scored = useStage(stage, (now) => now.scored);
  const firstScores = useStage(stage, (now) => now.firstScores);
  const pointless = task?.inlier_tolerance === null;
  return (
    <div className={classes.scores} data-scores={scored ? "now" : "behind"}>
      <Score
        name="silhouette"
        title="Overlap of the mesh's outline with the marked object (IoU)"
        now={scores.silhouetteIou}
        first={firstScores.silhouetteIou}
      />
      <Score
        name="points"
        title={
          pointless
            ? "The object has no valid points"
            : `Share of the object's points within ${task?.inlier_tolerance?.toPrecision(2) ?? "τ"} of the surface`
        }
        now={scores.inlierShare}
        first={firstScores.inlierShare}
        none={pointless}
      />
    </div>
  );
}

function Score({
  name,
  title,
  now,
  first,
  none = false,
}: {
  name: string;
  title: string;
  now: number | null;
  first: number | null;
  none?: boolean;
}) {
  const change = now === null || first === null ? null : now - first;
  return (
    <div className={classes.score} title={title} data-score={name} data-value={now ?? ""}>
      <span className={classes.name}>{name}</span>
      <span className={classes.value}>{now === null ? (none ? "–" : "…") : now.toFixed(2)}</span>
      <span className={classes.change} data-sign={signOf(change)}>
        {change === null ? "" : `${arrowOf(change)}${Math.abs(change).toFixed(2)}`}
      </span>
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
