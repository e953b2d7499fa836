import { useLayoutEffect, useRef, useSyncExternalStore } from "react";
import type { Stage } from "./scene/stage";
import { NOTHING, type StageState } from "./scene/stageState";

const noStage = () => () => undefined;

/** A part of what the stage shows; whoever asks is drawn anew when that part changes. Not for what changes in a drag. */
export function useStage<T>(stage: Stage | null, part: (state: StageState) => T): T {
  return useSyncExternalStore(stage?.subscribe ?? noStage, () => part(stage?.state() ?? NOTHING));
}

/** Have `tell` told what the stage shows, now and with each change: it writes into the page itself, as a drag goes on. */
export function useFollowing(stage: Stage | null, tell: (state: StageState) => void): void {
  const latest = useRef(tell);
  latest.current = tell;
  useLayoutEffect(() => latest.current(stage?.state() ?? NOTHING)); // whatever was drawn anew
  useLayoutEffect(() => stage?.subscribe(() => latest.current(stage.state())), [stage]);
}
