import { Divider, Group, Text } from "@mantine/core";
import { HotButton } from "../keys/HotButton";
import classes from "./MaskPage.module.css";
import type { MaskState } from "./task/maskState";
import type { ToolName } from "./tools/tool";

const NAMES: Record<ToolName, string> = {
  point: "Point",
  box: "Box",
  brush: "Brush",
  eraser: "Eraser",
  polygon: "Polygon",
  hand: "Move",
};

const HELP: Record<ToolName, string> = {
  point: "Click or draw over the object; with Shift or the right button, over what does not belong.",
  box: "Drag a box around the object, or click two corners. It begins afresh.",
  brush: "Drag adds; with Shift it takes away.",
  eraser: "Drag takes away; with Shift it adds.",
  polygon:
    "Click corner by corner, or drag; a click on the first corner or Enter closes. Begun with Shift, it cuts out.",
  hand: "Drag moves the photograph, as the middle button does with any tool. The wheel zooms.",
};

interface Props {
  state: MaskState | null;
  tool: ToolName;
  /** In pixels of the photograph. */
  radius: number;
  maskShown: boolean;
  run: (id: string) => void;
}

/** The tools, above the photograph, and what the one in hand does. */
export function Toolbar({ state, tool, radius, maskShown, run }: Props) {
  const undoable = state !== null && (state.past.length > 0 || state.asked !== null);
  return (
    <div className={classes.toolbar}>
      <Group gap={6}>
        {(Object.keys(NAMES) as ToolName[]).map((name) => (
          <HotButton key={name} size="compact-sm" command={name} run={run} pressed={tool === name}>
            {NAMES[name]}
          </HotButton>
        ))}
        <Divider orientation="vertical" />
        <HotButton size="compact-sm" command="undo" run={run} disabled={!undoable}>
          Undo
        </HotButton>
        <HotButton size="compact-sm" command="redo" run={run} disabled={!state?.future.length}>
          Redo
        </HotButton>
        <Divider orientation="vertical" />
        <HotButton size="compact-sm" command="zoom" run={run}>
          Close-up
        </HotButton>
        <HotButton size="compact-sm" command="peek" run={run} pressed={maskShown}>
          Mask
        </HotButton>
      </Group>
      <Group gap={6} wrap="nowrap" className={classes.help}>
        {(tool === "brush" || tool === "eraser") && (
          <>
            <HotButton size="compact-xs" command="smaller" run={run} title="Smaller brush">
              −
            </HotButton>
            <Text size="sm" className={classes.size}>
              {Math.round(2 * radius)} px
            </Text>
            <HotButton size="compact-xs" command="larger" run={run} title="Larger brush">
              +
            </HotButton>
          </>
        )}
        <Text size="sm" c="dimmed" truncate title={HELP[tool]}>
          {HELP[tool]}
        </Text>
      </Group>
    </div>
  );
}
