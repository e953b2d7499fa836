import { Drawer, Skeleton } from "@mantine/core";
import { lazy, type ReactNode, Suspense } from "react";
import type { AlignmentTask } from "../api/alignments";
import type { Offer } from "./assistance";
import { Bar } from "./Bar";
import { PosePanel } from "./PosePanel";
import { Proposals } from "./Proposals";
import type { Display } from "./scene/display";
import type { Stage } from "./scene/stage";
import { Tools } from "./Tools";
import type { Aid, AlignmentState } from "./task/alignmentState";
import type { AlignmentDesk } from "./task/desk";
import { Viewports } from "./Viewports";
import classes from "./Work.module.css";

const Markdown = lazy(async () => ({ default: (await import("../shell/Markdown")).Markdown })); // not needed to begin

interface Props {
  /** Null while the task is on its way: everything has its place already. */
  state: AlignmentState | null;
  next: AlignmentTask | null;
  desk: AlignmentDesk;
  stage: Stage | null;
  onStage: (stage: Stage | null) => void;
  display: Display;
  onDisplay: (change: Partial<Display>) => void;
  offer: Offer | null;
  asking: Aid | null;
  guide: boolean;
  onGuide: (shown: boolean) => void;
  run: (id: string) => void;
  /** Notices: over the scene, so that nothing moves when one comes. */
  children: ReactNode;
}

/** Photograph and scene side by side, numbers and help under the photograph, what is shown and done below. */
export function Work({
  state,
  stage,
  display,
  onDisplay,
  offer,
  asking,
  guide,
  onGuide,
  run,
  ...rest
}: Props) {
  const { next, desk, onStage, children } = rest;
  const task = state?.task ?? null;
  return (
    <main className={classes.work}>
      <Viewports
        state={state}
        next={next}
        desk={desk}
        stage={stage}
        onStage={onStage}
        display={display}
        panel={
          <PosePanel
            state={state}
            desk={desk}
            stage={stage}
            display={display}
            onDisplay={onDisplay}
            asking={asking}
            run={run}
          />
        }
      >
        <Tools display={display} onDisplay={onDisplay} stage={stage} run={run} />
        {offer && stage && <Proposals offer={offer} stage={stage} run={run} />}
      </Viewports>
      {children}
      <Bar state={state} stage={stage} display={display} onDisplay={onDisplay} run={run} />
      <Drawer opened={guide} onClose={() => onGuide(false)} position="right" title="Guidelines">
        <Suspense fallback={<Skeleton h={320} />}>
          {task && <Markdown text={task.guidelines.markdown} />}
        </Suspense>
      </Drawer>
    </main>
  );
}
