import { Alert, Button } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import { drawPhotograph, type PhotoMode } from "./draw";
import { maskPicture, type RunLengths } from "./mask";
import classes from "./Photograph.module.css";

interface Props {
  image: { url: string; width: number; height: number };
  mask: RunLengths;
  mode: PhotoMode;
  /** What is marked, for those who do not see it. */
  label: string;
}

/** The photograph with its target outlined. It keeps its place while the next one loads. */
export function Photograph({ image, mask, mode, label }: Props) {
  const { ref, width, height } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [loaded, setLoaded] = useState<HTMLImageElement | null>(null);
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const picture = useMemo(() => maskPicture(mask), [mask]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt loads the same URL again
  useEffect(() => {
    const loading = new Image();
    let wanted = true;
    setFailed(false);
    loading.src = image.url;
    loading.decode().then(
      () => wanted && setLoaded(loading),
      () => wanted && setFailed(true),
    );
    return () => {
      wanted = false;
      setLoaded(null);
    };
  }, [image.url, attempt]);

  useEffect(() => {
    if (canvas.current === null || loaded === null || width === 0 || height === 0) return;
    drawPhotograph(canvas.current, loaded, picture, {
      mode,
      width,
      height,
      density: window.devicePixelRatio,
    });
  }, [loaded, picture, mode, width, height]);

  return (
    <div ref={ref} className={classes.frame} data-loaded={loaded !== null}>
      <canvas
        ref={canvas}
        className={classes.picture}
        role="img"
        aria-label={label}
        hidden={loaded === null}
      />
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
