import { type WebGLRenderer, WebGLRenderTarget } from "three";
import type { Box } from "../../photograph/mask";
import type { Intrinsics } from "../pose/pinhole";
import type { Depths } from "./cameras";
import type { Look, PhotographView } from "./photographView";

interface Wanted {
  intrinsics: Intrinsics;
  window: Box;
  look: Look;
  depths: Depths;
  width: number;
  height: number;
}

/** Draw what the photograph view shows into a picture of its own; null where the graphics card was taken away. */
export async function pictureOfPose(
  renderer: WebGLRenderer,
  view: PhotographView,
  { width, height, ...wanted }: Wanted,
): Promise<ImageData | null> {
  const target = new WebGLRenderTarget(width, height, { depthBuffer: false });
  const rows = new Uint8Array(width * height * 4);
  try {
    view.draw(renderer, { ...wanted, width, height, density: 1, target });
    renderer.setRenderTarget(target);
    const read = renderer.readRenderTargetPixelsAsync(target, 0, 0, width, height, rows);
    renderer.setRenderTarget(null);
    await read;
  } catch {
    return null; // the context was lost while the picture was on its way
  } finally {
    target.dispose();
  }
  const picture = new ImageData(width, height);
  for (let row = 0; row < height; row += 1) {
    const from = (height - 1 - row) * width * 4;
    picture.data.set(rows.subarray(from, from + width * 4), row * width * 4);
  }
  return picture;
}
