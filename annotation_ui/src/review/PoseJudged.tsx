import { Loader, Text } from "@mantine/core";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { readPose } from "../alignment/pose/pose";
import { FIRST_DISPLAY } from "../alignment/scene/display";
import { Stage } from "../alignment/scene/stage";
import { useStage } from "../alignment/useStage";
import { type JudgedAlignment, useJudgedAlignment } from "../api/reviews";
import { Loading } from "./Loading";
import classes from "./Review.module.css";

interface Props {
  workItem: string;
  /** The target large, or all of the photograph. */
  close: boolean;
  /** The pose that the task began with, instead of the answer. */
  proposal: boolean;
}

/** A Stage 3 judgement: the mesh over the photograph from the input camera, and in the points. It can be looked at. */
export function PoseJudged({ workItem, close, proposal }: Props) {
  const judged = useJudgedAlignment(workItem);
  return judged.data ? (
    <Scene task={judged.data} close={close} proposal={proposal} />
  ) : (
    <Loading query={judged} />
  );
}

function Scene({ task, close, proposal }: { task: JudgedAlignment; close: boolean; proposal: boolean }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const photograph = useRef<HTMLDivElement>(null);
  const scene = useRef<HTMLDivElement>(null);
  const putBack = useRef<() => void>(() => undefined);
  const [stage, setStage] = useState<Stage | null>(null);
  const shown = useStage(stage, (now) => now.shown);
  const problem = useStage(stage, (now) => now.problem);
  const pose = readPose(proposal ? task.initial_pose : task.pose);

  useEffect(() => {
    if (!canvas.current || !scene.current || !photograph.current) return;
    const built = new Stage({
      canvas: canvas.current,
      places: { scene: scene.current, photograph: photograph.current },
      onPlace: () => putBack.current(), // whoever reviews looks, and moves nothing
      onBegin: () => undefined,
    });
    setStage(built);
    return () => {
      setStage(null);
      built.dispose();
    };
  }, []);

  const placed = JSON.stringify(pose);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `placed` says when the pose differs
  useLayoutEffect(() => {
    if (stage === null) return;
    putBack.current = () => stage.show(task, pose);
    stage.setDisplay({ ...FIRST_DISPLAY, controls: false, mesh: pose !== null, close });
    stage.show(task, pose);
    stage.want([task]);
  }, [stage, task, placed, close]);

  return (
    <>
      <div className={classes.scene} aria-busy={shown === null && problem === null}>
        <canvas ref={canvas} className={classes.canvas} aria-hidden />
        <div
          ref={photograph}
          className={classes.view}
          role="img"
          aria-label={`Photograph with the mesh; marked: ${task.category || "an object"}`}
        />
        <div
          ref={scene}
          className={classes.view}
          role="img"
          aria-label="Points of the photograph with the mesh"
        />
        {shown === null && problem === null && <Loader size="sm" className={classes.middle} />}
        {problem && (
          <Text className={classes.middle} role="alert">
            {problem}
          </Text>
        )}
      </div>
      <Text mt="xs">
        {task.not_alignable
          ? `Not alignable: ${task.not_alignable.replaceAll("_", " ")}`
          : proposal
            ? "The pose that the task began with"
            : `Silhouette ${score(task.silhouette_iou)} · points ${score(task.inlier_share)}`}
      </Text>
    </>
  );
}

function score(value: number | null): string {
  return value === null ? "–" : value.toFixed(2);
}
