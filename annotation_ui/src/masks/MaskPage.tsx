import { Alert, ScrollArea, Skeleton, Stack, Text } from "@mantine/core";
import { lazy, Suspense, useCallback, useRef, useState } from "react";
import { WorkFrame } from "../work/WorkFrame";
import { Category } from "./Category";
import type { Easel } from "./canvas/easel";
import { COMMANDS, type CommandId, STEPS } from "./commands";
import classes from "./MaskPage.module.css";
import { MaskView } from "./MaskView";
import { Toolbar } from "./Toolbar";
import type { MaskDesk } from "./task/desk";
import type { MaskState } from "./task/maskState";
import type { ToolName } from "./tools/tool";
import { Verdicts } from "./Verdicts";

const Markdown = lazy(async () => ({ default: (await import("../shell/Markdown")).Markdown })); // not needed to begin

const CLOSER = 1.25;

/** Stage 1: does the mask indicate one whole object? Verify it, mark it better, or discard it. */
export function MaskPage({ desk }: { desk: MaskDesk }) {
  const [tool, setTool] = useState<ToolName>("point");
  const [radius, setRadius] = useState(8);
  const [maskShown, setMaskShown] = useState(true);
  const closeUp = useRef(false);
  const easel = useRef<Easel | null>(null);
  const categoryInput = useRef<HTMLInputElement>(null);

  const onCommand = useCallback(
    (id: string, state: MaskState | null) => {
      const command = id as CommandId;
      const step = STEPS[command];
      if (step) return easel.current?.step(...step);
      switch (command) {
        case "accept":
          return easel.current?.finish() ? undefined : void desk.accept();
        case "point":
        case "box":
        case "brush":
        case "eraser":
        case "polygon":
        case "hand":
          return setTool(command);
        case "smaller":
          return setRadius((now) => Math.max(1, now / CLOSER));
        case "larger":
          return setRadius((now) => Math.min(400, now * CLOSER));
        case "undo":
          return desk.undo();
        case "redo":
          return desk.redo();
        case "cancel":
          return easel.current?.cancel() || !state?.aside ? undefined : desk.leaveFurther();
        case "touch":
        case "touch_not":
          return easel.current?.touch(command === "touch_not");
        case "closer":
        case "farther":
          return easel.current?.zoom(command === "closer" ? CLOSER : 1 / CLOSER);
        case "zoom":
          closeUp.current = !closeUp.current;
          return closeUp.current ? easel.current?.showMask() : easel.current?.showAll();
        case "peek":
          return setMaskShown((now) => !now);
        case "category":
          return categoryInput.current?.select();
        case "further":
          return desk.beginFurther();
        case "low_quality":
        case "several_objects":
        case "partial":
        case "no_salient_object":
          return void desk.discard(command);
      }
    },
    [desk],
  );

  const onEasel = useCallback((made: Easel | null) => {
    easel.current = made;
    closeUp.current = false;
  }, []);
  return (
    <WorkFrame
      page="masks"
      stage="mask"
      place="Stage 1 · Masks"
      desk={desk}
      commands={COMMANDS}
      contextOf={contextOf}
      onCommand={onCommand}
      emptyTitle="No masks wait to be checked"
      emptyText="Every proposed mask is judged, in other people's hands, or was skipped by you. New ones arrive when photographs are imported; this page looks again every 15 seconds and goes on by itself."
    >
      {({ state, run, notices }) => (
        <main className={classes.work}>
          <Toolbar state={state} tool={tool} radius={radius} maskShown={maskShown} run={run} />
          <MaskView
            desk={desk}
            state={state}
            tool={tool}
            radius={radius}
            maskShown={maskShown}
            onEasel={onEasel}
          />
          <ScrollArea className={classes.side} type="auto" offsetScrollbars>
            <Stack gap="sm">
              <Asked state={state} />
              <Category
                inputRef={categoryInput}
                value={state?.category ?? ""}
                disabled={state === null}
                onChange={(value) => desk.setCategory(value)}
              />
              {state?.task.description && !state.aside && <Text size="sm">{state.task.description}</Text>}
              {state ? (
                <Suspense fallback={<Skeleton h={320} />}>
                  <Markdown text={state.task.guidelines.markdown} />
                </Suspense>
              ) : (
                <Skeleton h={320} />
              )}
            </Stack>
          </ScrollArea>
          <div className={classes.notices}>{notices}</div>
          <Verdicts state={state} run={run} />
        </main>
      )}
    </WorkFrame>
  );
}

/** What is wanted, where it is not the usual. */
function Asked({ state }: { state: MaskState | null }) {
  if (state?.aside) {
    return (
      <Alert color="accent" variant="light" p="sm" title="Another object">
        Mark one that stands out as well. Dashed outlines are marked already.
      </Alert>
    );
  }
  if (!state?.task.wants_proposal) return null;
  return (
    <Alert color="accent" variant="light" p="sm" title="Nothing is proposed here">
      Mark the object that stands out most, and say what it is.
    </Alert>
  );
}

function contextOf(state: MaskState): string {
  if (state.aside) return "further";
  return state.task.wants_proposal ? "propose" : "judge";
}
