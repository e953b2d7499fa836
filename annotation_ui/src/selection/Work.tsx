import { ScrollArea, SegmentedControl, Skeleton, Text } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useContext } from "react";
import type { SelectionTask } from "../api/selections";
import { BindingsContext } from "../keys/HotButton";
import { KeyHint } from "../keys/KeyHint";
import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import { Photograph } from "../photograph/Photograph";
import { Choices } from "./Choices";
import { Rating } from "./Rating";
import type { Stage } from "./scene/stage";
import { Turntables } from "./Turntables";
import type { SelectionDesk } from "./task/desk";
import type { TaskState } from "./task/taskState";
import classes from "./Work.module.css";

const Markdown = lazy(async () => ({ default: (await import("../shell/Markdown")).Markdown })); // not needed to begin

const READABLE = { tabIndex: 0, role: "region", "aria-label": "Guidelines and rubric" };

interface Props {
  /** Null while the task is on its way: everything has its place already. */
  state: TaskState | null;
  next: SelectionTask | null;
  photoMode: PhotoMode;
  onPhotoMode: (mode: PhotoMode) => void;
  onStage: (stage: Stage | null) => void;
  desk: SelectionDesk;
  run: (id: string) => void;
  /** Notices: over the turntables, so that nothing moves when one comes. */
  children: ReactNode;
}

/** Photograph, turntables and rubric side by side, the choices below. */
export function Work({ state, next, photoMode, onPhotoMode, onStage, desk, run, children }: Props) {
  const photoKey = useContext(BindingsContext).photo;
  const task = state?.task;
  const rating = state?.standing.phase === "rate";
  return (
    <main className={classes.work}>
      <section className={classes.photo} aria-label="Photograph">
        {task ? (
          <Photograph
            key={task.image.url}
            image={task.image}
            mask={task.mask}
            mode={photoMode}
            label={`Photograph; marked: ${task.category || "an object"}`}
          />
        ) : (
          <Skeleton flex={1} />
        )}
        <div className={classes.photoModes}>
          <SegmentedControl
            size="xs"
            fullWidth
            aria-label="Show the photograph"
            data={[...PHOTO_MODES]}
            value={photoMode}
            onChange={(mode) => onPhotoMode(mode as PhotoMode)}
          />
          {photoKey && <KeyHint combo={photoKey} />}
        </div>
        <Text fw={600} lineClamp={2} title={task?.category}>
          {task?.category || "\u00a0"}
        </Text>
        <Text size="sm" c="dimmed" lineClamp={4} title={task?.description}>
          {task?.description}
        </Text>
      </section>
      <Turntables state={state} next={next} onStage={onStage} run={run} />
      <ScrollArea className={classes.side} type="auto" offsetScrollbars viewportProps={READABLE}>
        {state && rating && <Rating state={state} desk={desk} run={run} />}
        {task && (
          <Suspense fallback={<Skeleton h={320} />}>
            {!rating && <Markdown text={task.guidelines.markdown} />}
            <Markdown text={task.rubric.markdown} />
          </Suspense>
        )}
      </ScrollArea>
      {children}
      <Choices state={state} run={run} />
    </main>
  );
}
