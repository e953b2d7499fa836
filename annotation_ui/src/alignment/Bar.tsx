import { Group, Slider } from "@mantine/core";
import { HotButton } from "../keys/HotButton";
import classes from "./Bar.module.css";
import type { Display } from "./scene/display";
import type { Stage } from "./scene/stage";
import type { AlignmentState } from "./task/alignmentState";
import { useStage } from "./useStage";

interface Props {
  state: AlignmentState | null;
  stage: Stage | null;
  display: Display;
  onDisplay: (change: Partial<Display>) => void;
  run: (id: string) => void;
}

/** The bar below: what is shown, one step back or forward, and how the task ends. */
export function Bar({ state, stage, display, onDisplay, run }: Props) {
  const seen = useStage(stage, (now) => now.seen);
  const shown = [
    { id: "mesh", name: "Mesh", on: display.mesh },
    { id: "target", name: "Target", on: display.target },
    { id: "controls", name: "Controls", on: display.controls },
    ...(state?.task.placed.length ? [{ id: "placed", name: "Placed", on: display.placed }] : []),
  ];
  return (
    <footer className={classes.bar}>
      <Group gap={4} wrap="nowrap">
        {shown.map(({ id, name, on }) => (
          <HotButton key={id} size="compact-sm" command={id} run={run} pressed={on}>
            {name}
          </HotButton>
        ))}
        <Group gap={4} wrap="nowrap" pl="sm">
          <HotButton size="compact-sm" command="smaller_points" run={run} title="Smaller points">
            −
          </HotButton>
          <Slider
            className={classes.points}
            size="sm"
            min={0.4}
            max={4.5}
            step={0.1}
            value={display.pointSize}
            label={null}
            thumbLabel="Size of points"
            onChange={(pointSize) => onDisplay({ pointSize })}
          />
          <HotButton size="compact-sm" command="larger_points" run={run} title="Larger points">
            Points +
          </HotButton>
        </Group>
      </Group>
      <Group gap={4} justify="center" wrap="nowrap">
        <HotButton size="compact-sm" command="undo" run={run} disabled={!state?.history.past.length}>
          Undo
        </HotButton>
        <HotButton size="compact-sm" command="redo" run={run} disabled={!state?.history.future.length}>
          Redo
        </HotButton>
      </Group>
      <Group gap="xs" justify="flex-end" wrap="nowrap">
        <HotButton size="compact-sm" command="guide" run={run} variant="subtle" disabled={state === null}>
          Guide
        </HotButton>
        <HotButton size="compact-sm" command="not_alignable" run={run} disabled={state === null}>
          Not alignable…
        </HotButton>
        <HotButton size="compact-sm" command="skip" run={run} disabled={state === null}>
          Skip…
        </HotButton>
        <HotButton size="sm" variant="filled" command="submit" run={run} disabled={!seen}>
          Submit
        </HotButton>
      </Group>
    </footer>
  );
}
