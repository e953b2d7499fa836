import { Alert, Button, Skeleton } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, useEffect, useRef, useState } from "react";
import type { MaskTask } from "../api/masks";
import { Drawing, type Tool } from "./drawing";
import classes from "./MaskPage.module.css";

interface Props {
  task: MaskTask | null;
  runs: readonly number[];
  tool: Tool;
  /** In pixels of the photograph. */
  radius: number;
  closeUp: boolean;
  maskShown: boolean;
  onDrawn: (runs: number[]) => void;
}

/** The photograph and its mask: drag draws, the wheel zooms, the middle or right button moves. */
export function MaskView({ task, runs, tool, radius, closeUp, maskShown, onDrawn }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { ref, width, height } = useElementSize();
  const [drawing, setDrawing] = useState<Drawing | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const url = task?.image.url;

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt loads the same URL again
  useEffect(() => {
    setFailed(false);
    if (!url) return;
    let wanted = true;
    const photograph = new Image();
    photograph.src = url;
    photograph.decode().then(
      () => wanted && canvas.current && setDrawing(new Drawing(canvas.current, photograph)),
      () => wanted && setFailed(true),
    );
    return () => {
      wanted = false;
      setDrawing(null);
    };
  }, [url, attempt]);

  useEffect(() => () => drawing?.dispose(), [drawing]);
  useEffect(() => drawing?.setRuns(runs), [drawing, runs]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the view follows the choice, not every stroke
  useEffect(() => {
    if (!drawing || width === 0 || height === 0) return;
    if (closeUp) drawing.showMask(runs);
    else drawing.showAll();
  }, [drawing, closeUp, width, height]);

  useEffect(() => {
    if (!drawing) return;
    drawing.maskShown = maskShown;
    drawing.draw();
  }, [drawing, maskShown]);

  useEffect(() => {
    const element = canvas.current;
    if (!element || !drawing) return;
    const zoom = (event: WheelEvent) => {
      event.preventDefault(); // which React's own listener may not
      drawing.zoom(1.0015 ** -event.deltaY, event.offsetX, event.offsetY);
    };
    element.addEventListener("wheel", zoom, { passive: false });
    return () => element.removeEventListener("wheel", zoom);
  }, [drawing]);

  const draw = (event: PointerEvent<HTMLCanvasElement>) => {
    const { offsetX, offsetY } = event.nativeEvent;
    drawing?.stroke(tool, radius, drawing.at(offsetX, offsetY));
  };
  const held = (event: PointerEvent<HTMLCanvasElement>) =>
    event.currentTarget.hasPointerCapture(event.pointerId);

  return (
    <div ref={ref} className={classes.view}>
      <canvas
        ref={canvas}
        className={classes.canvas}
        role="img"
        aria-label={`Photograph; marked: ${task?.category || "an object"}`}
        data-loaded={drawing !== null}
        onContextMenu={(event) => event.preventDefault()}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          if (event.button === 0) draw(event);
        }}
        onPointerMove={(event) => {
          if (!held(event)) return;
          if (event.buttons & 1) draw(event);
          else drawing?.pan(event.movementX, event.movementY);
        }}
        onPointerUp={(event) => {
          if (event.button !== 0 || !drawing || !held(event)) return;
          drawing.endStroke();
          onDrawn(drawing.runs);
        }}
      />
      {!drawing && !failed && <Skeleton className={classes.skeleton} />}
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
