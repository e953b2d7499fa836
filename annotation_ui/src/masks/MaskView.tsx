import { Alert, Button, Loader, Skeleton } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, useEffect, useMemo, useRef, useState } from "react";
import { type Mask, maskOf } from "../photograph/columns";
import { Easel } from "./canvas/easel";
import { LoadedPhotograph } from "./canvas/photographs";
import classes from "./MaskView.module.css";
import type { MaskDesk } from "./task/desk";
import { hasPrompts, type MaskState } from "./task/maskState";
import type { ToolName, Touch } from "./tools/tool";

interface Props {
  desk: MaskDesk;
  state: MaskState | null;
  tool: ToolName;
  /** In pixels of the photograph. */
  radius: number;
  maskShown: boolean;
  /** The easel, for the keyboard; null while there is none. */
  onEasel: (easel: Easel | null) => void;
}

const NO_MASKS: readonly Mask[] = [];

/** The photograph and its mask. The wheel zooms, the middle button moves; everything else is the tool's. */
export function MaskView({ desk, state, tool, radius, maskShown, onEasel }: Props) {
  const photographCanvas = useRef<HTMLCanvasElement>(null);
  const maskCanvas = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const { ref, width, height } = useElementSize();
  const [easel, setEasel] = useState<Easel | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const image = state?.task.image;
  const workItem = state?.task.work_item;
  const current = useRef(state);
  current.current = state;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a task is opened once; another attempt loads it again
  useEffect(() => {
    setFailed(false);
    if (!image) return;
    let wanted: Easel | true | null = true;
    const begin = (photograph: LoadedPhotograph) => {
      const [onPhotograph, onMask, onTop] = [photographCanvas.current, maskCanvas.current, overlay.current];
      if (!wanted || !current.current || !onPhotograph || !onMask || !onTop) return;
      const canvases = { photograph: onPhotograph, mask: onMask, overlay: onTop };
      wanted = new Easel(canvases, photograph, current.current.step.mask, {
        onDraw: (mask) => desk.draw(mask),
        onClick: (click) => desk.click(click),
        onStroke: (stroke) => desk.stroke(stroke),
        onBox: (box) => desk.box(box),
      });
      setEasel(wanted);
      onEasel(wanted);
    };
    LoadedPhotograph.load(image).then(begin, () => wanted && setFailed(true));
    return () => {
      if (wanted instanceof Easel) wanted.dispose();
      wanted = null;
      setEasel(null);
      onEasel(null);
    };
  }, [workItem, attempt]);

  useEffect(() => {
    if (width > 0 && height > 0) easel?.resize(width, height);
  }, [easel, width, height]);

  const shown = state?.step.mask;
  useEffect(() => {
    if (easel && shown) easel.setMask(shown);
  }, [easel, shown]);

  const marked = state?.task.marked;
  const aside = state?.aside?.step.mask;
  const others = useMemo(
    () => (marked ? [...marked.map(maskOf), ...(aside ? [aside] : [])] : NO_MASKS),
    [marked, aside],
  );
  const asked = state?.asked ?? null;
  const prompts = asked ?? state?.step.prompts ?? null;
  useEffect(() => {
    if (!easel) return;
    easel.setTool(tool);
    easel.radius = radius;
    easel.maskShown = maskShown;
    easel.others = others;
    easel.prompts = prompts && hasPrompts(prompts) ? prompts : null;
    easel.waiting = asked !== null;
    easel.redraw("mask", "overlay");
  }, [easel, tool, radius, maskShown, others, prompts, asked]);

  useEffect(() => {
    const element = overlay.current;
    if (!element || !easel) return;
    const zoom = (event: WheelEvent) => {
      event.preventDefault(); // which React's own listener may not
      easel.zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
    };
    element.addEventListener("wheel", zoom, { passive: false });
    return () => element.removeEventListener("wheel", zoom);
  }, [easel]);

  const held = (event: PointerEvent<HTMLCanvasElement>) =>
    event.currentTarget.hasPointerCapture(event.pointerId);
  const moves = (event: PointerEvent) =>
    (event.buttons & 4) !== 0 || (tool === "hand" && event.buttons !== 0);

  return (
    <div ref={ref} className={classes.view} data-tool={tool}>
      <canvas ref={photographCanvas} className={classes.layer} hidden={!easel} />
      <canvas ref={maskCanvas} className={classes.layer} hidden={!easel} />
      <canvas
        ref={overlay}
        className={classes.layer}
        role="img"
        aria-label={`Photograph; marked: ${state?.category || "an object"}`}
        data-loaded={easel !== null}
        data-asking={asked !== null}
        onContextMenu={(event) => event.preventDefault()}
        onPointerDown={(event) => {
          if (!easel) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          if (!moves(event)) easel.pointerDown(touchOf(event, easel));
        }}
        onPointerMove={(event) => {
          if (!easel) return;
          if (held(event) && moves(event)) easel.pan(event.movementX, event.movementY);
          else easel.pointerMove(touchOf(event, easel), held(event));
        }}
        onPointerUp={(event) => {
          if (event.button !== 1 && tool !== "hand") easel?.pointerUp(touchOf(event, easel));
        }}
        onPointerLeave={() => easel?.pointerLeave()}
        onDoubleClick={() => easel?.finish()}
      />
      {asked !== null && (
        <div className={classes.asking} role="status">
          <Loader size="xs" /> finding the object…
        </div>
      )}
      {!easel && !failed && <Skeleton className={classes.skeleton} />}
      {failed && (
        <Alert color="red" variant="outline" title="The photograph did not load" className={classes.failed}>
          <Button size="compact-sm" variant="default" onClick={() => setAttempt(attempt + 1)}>
            Try again
          </Button>
        </Alert>
      )}
    </div>
  );
}

function touchOf(event: PointerEvent<HTMLCanvasElement>, easel: Easel): Touch {
  const { offsetX, offsetY, button, buttons } = event.nativeEvent;
  return {
    ...easel.view.at(offsetX, offsetY),
    negative: event.shiftKey || button === 2 || (buttons & 2) !== 0,
  };
}
