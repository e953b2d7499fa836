import { Text as Line, ScrollArea, SegmentedControl, Skeleton } from "@mantine/core";
import { lazy, type ReactNode, Suspense, useContext } from "react";
import { BindingsContext } from "../keys/HotButton";
import { KeyHint } from "../keys/KeyHint";
import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import { Photograph } from "../photograph/Photograph";
import { Choices } from "./Choices";
import type { Stage } from "./scene/stage";
import { Turntables } from "./Turntables";
import type { ComparedState, ComparedTask } from "./task/tournament";
import classes from "./Work.module.css";

const Markdown = lazy(async () => ({ default: (await import("../shell/Markdown")).Markdown })); // not needed to begin

const READABLE = { tabIndex: 0, role: "region" };

interface Props {
  /** Null while the task is on its way: everything has its place already. */
  state: ComparedState<ComparedTask> | null;
  next: ComparedTask | null;
  photoMode: PhotoMode;
  onPhotoMode: (mode: PhotoMode) => void;
  onStage: (stage: Stage | null) => void;
  /** A shape could not be shown. */
  onFailed: (shape: string) => void;
  run: (id: string) => void;
  /** Beside the turntables: what to read, and what is wanted beyond the choice. */
  side: ReactNode;
  sideLabel: string;
  /** Where it stands once every pair was answered. */
  whenShown: string;
  /** The button that ends the task then. */
  end: ReactNode;
  /** Notices: over the turntables, so that nothing moves when one comes. */
  children: ReactNode;
}

/** Photograph, turntables and text side by side, the choices below. */
export function Work(props: Props) {
  const { state, next, photoMode, onPhotoMode, onStage, onFailed, run, side, sideLabel, children } = props;
  const photoKey = useContext(BindingsContext).photo;
  const task = state?.task;
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
        <div className={classes.words}>
          <Line fw={600} lineClamp={2} title={task?.category}>
            {task?.category || "\u00a0"}
          </Line>
          <Line size="sm" c="dimmed" mt={4} lineClamp={4} title={task?.description}>
            {task?.description}
          </Line>
        </div>
      </section>
      <Turntables state={state} next={next} onStage={onStage} onFailed={onFailed} run={run} />
      <ScrollArea
        className={classes.side}
        type="auto"
        offsetScrollbars
        viewportProps={{ ...READABLE, "aria-label": sideLabel }}
      >
        <Suspense fallback={<Skeleton h={320} />}>{side}</Suspense>
      </ScrollArea>
      {children}
      <Choices state={state} run={run} whenShown={props.whenShown} end={props.end} />
    </main>
  );
}

/** Guidelines or a rubric. */
export function Text({ markdown }: { markdown: string }) {
  return <Markdown text={markdown} />;
}
