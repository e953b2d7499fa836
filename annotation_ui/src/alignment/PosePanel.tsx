import { HotButton } from "../keys/HotButton";
import { About } from "./About";
import { Numbers } from "./Numbers";
import classes from "./PosePanel.module.css";
import { ScoreBoard } from "./ScoreBoard";
import type { Display } from "./scene/display";
import type { Stage } from "./scene/stage";
import type { Aid, AlignmentState } from "./task/alignmentState";
import type { AlignmentDesk } from "./task/desk";

interface Props {
  state: AlignmentState | null;
  desk: AlignmentDesk;
  stage: Stage | null;
  display: Display;
  onDisplay: (change: Partial<Display>) => void;
  asking: Aid | null;
  run: (id: string) => void;
}

const SOURCES: Record<string, string> = {
  predicted: "as it was predicted with the shape",
  target_points: "from the object's points and the ground",
};

/** Under the photograph: how well it fits, help, flips and quarter turns, the numbers. */
export function PosePanel({ state, desk, stage, display, onDisplay, asking, run }: Props) {
  const source = SOURCES[state?.task.initial_pose_source ?? ""];
  const idle = state?.pose == null || asking !== null;
  return (
    <div className={classes.panel}>
      <About task={state?.task ?? null} />
      <ScoreBoard
        stage={stage}
        task={state?.task ?? null}
        display={display}
        onDisplay={onDisplay}
        run={run}
      />
      <div className={classes.row}>
        <HotButton
          size="compact-sm"
          command="snap"
          run={run}
          disabled={idle}
          loading={asking === "snap"}
          title="Fit to points and outline from here"
        >
          Snap
        </HotButton>
        <HotButton
          size="compact-sm"
          command="try_others"
          run={run}
          disabled={idle}
          loading={asking === "try_others"}
          title="The best of many other rotations"
        >
          Try others
        </HotButton>
        <HotButton
          size="compact-sm"
          command="initial_pose"
          run={run}
          disabled={!state?.task.initial_pose}
          title={source ? `The first pose: ${source}` : "This task has no first pose"}
        >
          First pose
        </HotButton>
        <HotButton
          size="compact-sm"
          command="ground"
          run={run}
          disabled={!state?.task.ground_plane}
          title="Stand it on the ground"
        >
          Ground
        </HotButton>
      </div>
      <div className={classes.row}>
        <HotButton size="compact-sm" command="flip" run={run} title="Front to back, about its own vertical">
          Flip
        </HotButton>
        <HotButton size="compact-sm" command="upside_down" run={run} title="Upside down">
          Invert
        </HotButton>
        <span className={classes.label}>90°</span>
        {QUARTERS.map(({ command, sign, title }) => (
          <HotButton key={command} size="compact-sm" command={command} run={run} title={title}>
            {sign}
          </HotButton>
        ))}
      </div>
      <Numbers desk={desk} stage={stage} />
    </div>
  );
}

const QUARTERS = [
  { command: "quarter_left", sign: "↶", title: "Quarter turn to the left" },
  { command: "quarter_right", sign: "↷", title: "Quarter turn to the right" },
  { command: "quarter_back", sign: "⤒", title: "Quarter turn backwards" },
  { command: "quarter_forward", sign: "⤓", title: "Quarter turn forwards" },
  { command: "quarter_roll", sign: "⟲", title: "Quarter turn sideways" },
] as const;
