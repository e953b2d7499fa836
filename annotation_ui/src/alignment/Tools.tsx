import { Group } from "@mantine/core";
import { HotButton } from "../keys/HotButton";
import { FRAMES } from "./pose/axes";
import type { Display } from "./scene/display";
import type { Stage } from "./scene/stage";
import classes from "./Tools.module.css";
import { TOOLS } from "./tools/gesture";
import { useStage } from "./useStage";

const TOOL_NAMES = { move: "Move", turn: "Turn", scale: "Scale", look: "Look" } as const;
const VIEW_NAMES = {
  input: "Camera",
  start: "Start",
  left: "Left",
  right: "Right",
  top: "Above",
  behind: "Behind",
} as const;
const AXES = ["x", "y", "z"] as const;

interface Props {
  display: Display;
  onDisplay: (change: Partial<Display>) => void;
  stage: Stage | null;
  run: (id: string) => void;
}

/** Over the scene: what is in the hand, and from where one looks. */
export function Tools({ display, onDisplay, stage, run }: Props) {
  const throughInput = useStage(stage, (now) => now.throughInput);
  return (
    <>
      <div className={classes.tools}>
        <Group gap={4} wrap="nowrap">
          {TOOLS.map((tool) => (
            <HotButton key={tool} size="compact-sm" command={tool} run={run} pressed={display.tool === tool}>
              {TOOL_NAMES[tool]}
            </HotButton>
          ))}
        </Group>
        <Group gap={4} wrap="nowrap">
          <HotButton
            size="compact-sm"
            command="frame"
            run={run}
            title={`Axes: ${FRAMES.join(", ")}`}
            className={classes.frame ?? ""}
          >
            Axes: {display.frame}
          </HotButton>
          {AXES.map((axis, index) => (
            <HotButton
              key={axis}
              size="compact-sm"
              command={`axis_${axis}`}
              run={run}
              pressed={display.axis === index}
              title={`Only along ${axis}`}
            >
              {axis}
            </HotButton>
          ))}
          <HotButton
            size="compact-sm"
            command="steps"
            run={run}
            pressed={display.steps}
            title="In steps: 15°, 5 %, a twentieth of the object. Ctrl while dragging does the same, Shift goes finely."
          >
            Steps
          </HotButton>
        </Group>
      </div>
      <div className={classes.looks}>
        {Object.entries(VIEW_NAMES).map(([view, name]) => (
          <HotButton
            key={view}
            size="compact-sm"
            command={`view_${view}`}
            run={run}
            {...(view === "input" && { pressed: throughInput })}
          >
            {name}
          </HotButton>
        ))}
        <HotButton size="compact-sm" command="fit" run={run}>
          Fit
        </HotButton>
        <HotButton size="compact-sm" command="reset_view" run={run}>
          Reset
        </HotButton>
      </div>
      {display.axis !== null && (
        <button
          type="button"
          className={classes.only}
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onDisplay({ axis: null })}
        >
          only along {AXES[display.axis]} ✕
        </button>
      )}
    </>
  );
}
