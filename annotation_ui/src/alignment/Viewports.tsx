import { Alert, Button, Group, Loader, Text } from "@mantine/core";
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";
import type { AlignmentTask } from "../api/alignments";
import type { Display } from "./scene/display";
import { Stage } from "./scene/stage";
import type { AlignmentState } from "./task/alignmentState";
import type { AlignmentDesk } from "./task/desk";
import { useStage } from "./useStage";
import classes from "./Viewports.module.css";

interface Props {
  state: AlignmentState | null;
  next: AlignmentTask | null;
  desk: AlignmentDesk;
  stage: Stage | null;
  onStage: (stage: Stage | null) => void;
  display: Display;
  /** Under the photograph. */
  panel: ReactNode;
  /** Over the scene. */
  children: ReactNode;
}

/** The photograph from the input camera, and the free view of the scene: two windows onto one canvas. */
export function Viewports({ state, next, desk, stage, onStage, display, panel, children }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<HTMLDivElement>(null);
  const photograph = useRef<HTMLDivElement>(null);
  const shown = useStage(stage, (now) => now.shown);
  const problem = useStage(stage, (now) => now.problem);
  const interrupted = useStage(stage, (now) => now.interrupted);
  const task = state?.task ?? null;
  const pose = state?.pose ?? null;

  useEffect(() => {
    if (!canvas.current || !scene.current || !photograph.current) return;
    const built = new Stage({
      canvas: canvas.current,
      places: { scene: scene.current, photograph: photograph.current },
      onPlace: (placed, kind) => desk.place(placed, kind),
      onBegin: (first) => desk.begin(first),
    });
    onStage(built);
    return () => {
      onStage(null);
      built.dispose();
    };
  }, [desk, onStage]);

  // In the same moment as the panels, or numbers and picture would be of different poses.
  useLayoutEffect(() => stage?.setDisplay(display), [stage, display]);
  useLayoutEffect(() => stage?.show(task, pose), [stage, task, pose]);
  useEffect(() => stage?.want([task, next].filter((one) => one !== null)), [stage, task, next]);

  const loading = shown === null && problem === null;
  return (
    <section className={classes.views} aria-label="Scene" aria-busy={loading}>
      <canvas ref={canvas} className={classes.canvas} aria-hidden />
      <div className={classes.left}>
        <div
          ref={photograph}
          className={classes.view}
          data-view="photograph"
          role="img"
          aria-label={`Photograph with the mesh; marked: ${task?.category || "an object"}`}
        />
        {panel}
      </div>
      <div className={classes.right}>
        <div
          ref={scene}
          className={classes.view}
          data-view="scene"
          role="img"
          aria-label="Points of the photograph with the mesh"
        />
        {children}
        {loading && (
          <Group className={classes.message} gap="sm" role="status">
            <Loader size="sm" /> <Text>The scene is on its way.</Text>
          </Group>
        )}
        {problem && (
          <Alert color="red" variant="outline" className={classes.message} title="The scene did not load">
            <Text mb="sm">
              {problem} Try again; if it stays so, say that the task is not alignable, or skip it.
            </Text>
            <Button size="compact-sm" variant="default" onClick={() => stage?.retry()}>
              Try again
            </Button>
          </Alert>
        )}
        {interrupted && (
          <Text className={classes.message} role="status">
            The graphics card took a break. The scene comes back by itself; nothing is lost.
          </Text>
        )}
      </div>
    </section>
  );
}
