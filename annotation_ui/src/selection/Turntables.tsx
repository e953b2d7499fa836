import { Button, Skeleton, Text, useComputedColorScheme } from "@mantine/core";
import { useReducedMotion } from "@mantine/hooks";
import { type PointerEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { HotButton } from "../keys/HotButton";
import { loadExhibit, type Wanted } from "./scene/loadExhibit";
import { Stage, type StageState } from "./scene/stage";
import classes from "./Turntables.module.css";
import type { ComparedState, ComparedTask } from "./task/tournament";

const NOTHING: StageState = { revealed: false, failed: [], rotating: true, linked: true, interrupted: false };
const ZOOM_PER_NOTCH = 1.0015;

interface Props {
  state: ComparedState<ComparedTask> | null;
  next: ComparedTask | null;
  onStage: (stage: Stage | null) => void;
  /** A shape could not be shown. */
  onFailed: (shape: string) => void;
  run: (id: string) => void;
}

/** The pair, or the winner, on turntables. */
export function Turntables({ state, next, onStage, onFailed, run }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const places = useRef<(HTMLDivElement | null)[]>([]);
  const [stage, setStage] = useState<Stage | null>(null);
  const still = useReducedMotion(undefined, { getInitialValueInEffect: false });
  const scheme = useComputedColorScheme("dark");
  const shown = useSyncExternalStore(stage?.subscribe ?? noStage, stage?.state ?? nothing);
  const shapes = shapesOf(state);
  const task = state?.task ?? null;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the stage lives as long as the canvas
  useEffect(() => {
    if (canvas.current === null) return;
    const built = new Stage(canvas.current, {
      load: loadExhibit,
      onFailed,
      rotating: !still,
    });
    setStage(built);
    onStage(built);
    return () => {
      onStage(null);
      setStage(null);
      built.dispose();
    };
  }, [onStage, onFailed]);

  useEffect(() => stage?.setRotating(!still), [stage, still]);
  useEffect(() => stage?.look(scheme), [stage, scheme]);
  useEffect(() => stage?.want([...wantedOf(task), ...wantedOf(next)]), [stage, task, next]);

  const ids = shapes.map(({ shape }) => shape).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `ids` says when the shapes differ
  useEffect(() => {
    const elements = shapes.flatMap(({ shape }, index) => {
      const element = places.current[index];
      return element ? [{ element, shape }] : [];
    });
    stage?.show(elements);
  }, [stage, ids]);

  return (
    <section
      className={classes.stage}
      aria-label="Candidates"
      aria-busy={!shown.revealed}
      data-wanted={shapes.map(({ shape }) => shape).join(" ")}
    >
      <div className={classes.places}>
        <canvas ref={canvas} className={classes.canvas} aria-hidden />
        {shapes.map(({ shape, name }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a place stays while the shapes in it change
          <div key={index} className={classes.place} data-place>
            {!shown.revealed && <Skeleton className={classes.skeleton} />}
            <div
              ref={(element) => {
                places.current[index] = element;
              }}
              className={classes.view}
              role="img"
              aria-label={name}
              {...(stage && handTurning(stage, index))}
            />
            <Text size="sm" className={classes.name}>
              {name}
            </Text>
            {shown.revealed && shown.failed.includes(shape) && (
              <div className={classes.failed} role="alert">
                <Text>This candidate did not load. Try again, or vote it down.</Text>
                <Button size="compact-sm" variant="default" onClick={() => stage?.retry(shape)}>
                  Try again
                </Button>
              </div>
            )}
          </div>
        ))}
        {shown.interrupted && (
          <Text className={classes.interrupted} role="status">
            The graphics card took a break. The shapes come back by themselves; nothing is lost.
          </Text>
        )}
      </div>
      <div className={classes.tools}>
        <HotButton size="compact-sm" command="rotation" run={run} pressed={shown.rotating}>
          {shown.rotating ? "Turning" : "Still"}
        </HotButton>
        <HotButton
          size="compact-sm"
          command="linked"
          run={run}
          pressed={shown.linked}
          disabled={shapes.length < 2}
        >
          {shown.linked ? "Together" : "Each alone"}
        </HotButton>
        <HotButton size="compact-sm" command="start_view" run={run}>
          Start view
        </HotButton>
      </div>
    </section>
  );
}

function shapesOf(state: Props["state"]): { shape: string; name: string }[] {
  const standing = state?.standing;
  if (standing?.winner) return [{ shape: standing.winner, name: "Winner" }];
  return [
    { shape: standing?.pair?.left ?? "", name: "Left" },
    { shape: standing?.pair?.right ?? "", name: "Right" },
  ];
}

/** What a task shows, in the order of its use. */
function wantedOf(task: ComparedTask | null): Wanted[] {
  return (
    task?.candidates.map(({ presentation_id: id, mesh_url, splat_url }) =>
      !splat_url ? { id, url: mesh_url, kind: task.modality } : { id, url: splat_url, kind: "splat" },
    ) ?? []
  );
}

/** Drag turns, the wheel comes closer. */
function handTurning(stage: Stage, place: number) {
  const drop = () => stage.setDragging(false);
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      stage.setDragging(true);
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (event.currentTarget.hasPointerCapture(event.pointerId)) {
        stage.drag(place, event.movementX, event.movementY);
      }
    },
    onPointerUp: drop,
    onPointerCancel: drop,
    onDoubleClick: () => stage.startView(),
    onWheel: (event: { deltaY: number }) => stage.closer(ZOOM_PER_NOTCH ** -event.deltaY, place),
  };
}

const noStage = () => () => undefined;
const nothing = () => NOTHING;
