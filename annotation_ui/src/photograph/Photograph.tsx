import { Alert, Button } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import { drawPhotograph, isTooCoarse, type PhotoMode } from "./draw";
import { maskPicture, type RunLengths } from "./mask";
import classes from "./Photograph.module.css";

interface Props {
  /** A large photograph has a preview, which is shown unless somebody looks closer. */
  image: { url: string; preview_url: string | null; width: number; height: number };
  mask: RunLengths;
  mode: PhotoMode;
  /** What is marked, for those who do not see it. */
  label: string;
}

/** The photograph with its target outlined. It keeps its place while the next one loads. */
export function Photograph({ image, mask, mode, label }: Props) {
  const { ref, width, height } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [attempt, setAttempt] = useState(0);
  const target = useMemo(() => maskPicture(mask), [mask]);
  const size = useMemo(() => ({ width: image.width, height: image.height }), [image.width, image.height]);
  const showing = useMemo(
    () => ({ mode, size, width, height, density: window.devicePixelRatio }),
    [mode, size, width, height],
  );
  const { picture: first, failed } = usePicture(image.preview_url ?? image.url, attempt);
  const onScreen = first !== null && width > 0 && height > 0;
  const coarse =
    onScreen && image.preview_url !== null && isTooCoarse(first.naturalWidth, target.box, showing);
  const { picture: whole } = usePicture(coarse ? image.url : null, attempt);
  const picture = whole ?? first;

  useEffect(() => {
    if (canvas.current && picture && onScreen) drawPhotograph(canvas.current, picture, target, showing);
  }, [picture, onScreen, target, showing]);

  return (
    <div ref={ref} className={classes.frame} data-loaded={first !== null}>
      <canvas
        ref={canvas}
        className={classes.picture}
        role="img"
        aria-label={label}
        hidden={first === null}
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

/** The picture behind a URL once it is decoded, or that it did not come; none where there is no URL. */
function usePicture(
  url: string | null,
  attempt: number,
): { picture: HTMLImageElement | null; failed: boolean } {
  const [picture, setPicture] = useState<HTMLImageElement | null>(null);
  const [failed, setFailed] = useState(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt loads the same URL again
  useEffect(() => {
    setFailed(false);
    if (url === null) return;
    const loading = new Image();
    let wanted = true;
    loading.src = url;
    loading.decode().then(
      () => wanted && setPicture(loading),
      () => wanted && setFailed(true),
    );
    return () => {
      wanted = false;
      setPicture(null);
    };
  }, [url, attempt]);
  return { picture, failed };
}
