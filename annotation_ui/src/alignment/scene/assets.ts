import {
  type BufferGeometry,
  type DataTexture,
  LinearFilter,
  LinearMipmapLinearFilter,
  Texture,
} from "three";
import type { AlignmentTask } from "../../api/alignments";
import { readProblem } from "../../api/client";
import { type Box, maskPicture } from "../../photograph/mask";
import { readGeometry } from "../../selection/scene/readMesh";
import { type PointMap, pointsOfTarget, readPointMap } from "../points/pointMap";
import { type Pose, readPose } from "../pose/pose";
import { sampled } from "../scores/inliers";
import type { Box3 } from "../scores/silhouette";
import { type Ball, ballOf } from "./balls";
import { maskTexture } from "./photographView";

const LONGEST_PHOTOGRAPH_PX = 4096;
const LONGEST_MASK_PX = 4096;

/** An object of the same photograph that is already in its place. */
export interface Placed {
  readonly shape: BufferGeometry;
  readonly pose: Pose;
}

/** Everything that a task shows, decoded. Whoever loaded it ends it. */
export interface Assets {
  readonly task: AlignmentTask;
  readonly photograph: Texture;
  readonly mask: DataTexture;
  readonly targetBox: Box;
  readonly points: PointMap;
  /** An even sample of M's points, xyz in the camera frame. */
  readonly targetPoints: Float32Array;
  /** A ball that holds them but for outliers; null without points. */
  readonly targetBall: Ball | null;
  readonly shape: BufferGeometry;
  readonly bounds: Box3;
  readonly placed: readonly Placed[];
}

/** Fetch and decode everything at once. Objects already placed are no condition: those that fail are left out. */
export async function loadAssets(task: AlignmentTask, signal: AbortSignal): Promise<Assets> {
  const [photograph, points, shape, placed] = await Promise.all([
    loadPhotograph(task.image.preview_url ?? task.image.url, signal),
    loadPoints(task.point_cloud.url, signal),
    loadShape(task.mesh_url, signal),
    Promise.all(task.placed.map((object) => loadPlaced(object, signal).catch(() => null))),
  ]);
  const picture = maskPicture(task.mask, LONGEST_MASK_PX);
  const targetPoints = sampled(pointsOfTarget(points));
  return {
    task,
    photograph,
    mask: maskTexture(picture),
    targetBox: picture.box,
    points,
    targetPoints,
    targetBall: ballOf(targetPoints),
    shape,
    bounds: boundsOf(shape),
    placed: placed.filter((one) => one !== null),
  };
}

export function disposeAssets({ photograph, mask, shape, placed }: Assets): void {
  photograph.dispose();
  (photograph.image as ImageBitmap).close();
  mask.dispose();
  shape.dispose();
  for (const { shape: other } of placed) other.dispose();
}

async function loadPhotograph(url: string, signal: AbortSignal): Promise<Texture> {
  const content = await (await fetched(url, signal)).blob();
  let bitmap = await createImageBitmap(content);
  const longest = Math.max(bitmap.width, bitmap.height);
  if (longest > LONGEST_PHOTOGRAPH_PX) {
    const resizeWidth = Math.round((bitmap.width * LONGEST_PHOTOGRAPH_PX) / longest);
    const smaller = await createImageBitmap(bitmap, { resizeWidth, resizeQuality: "high" });
    bitmap.close();
    bitmap = smaller;
  }
  const texture = new Texture(bitmap);
  texture.flipY = false; // not done for bitmaps; shaders count from the top
  texture.minFilter = LinearMipmapLinearFilter;
  texture.magFilter = LinearFilter;
  texture.needsUpdate = true;
  return texture;
}

async function loadPoints(url: string, signal: AbortSignal): Promise<PointMap> {
  return readPointMap(await (await fetched(url, signal)).arrayBuffer());
}

async function loadShape(url: string, signal: AbortSignal): Promise<BufferGeometry> {
  return readGeometry(await (await fetched(url, signal)).arrayBuffer());
}

async function loadPlaced(
  { mesh_url, pose: said }: AlignmentTask["placed"][number],
  signal: AbortSignal,
): Promise<Placed | null> {
  const pose = readPose(said);
  return pose && { shape: await loadShape(mesh_url, signal), pose };
}

async function fetched(url: string, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(url, { signal });
  if (!answer.ok) throw await readProblem(answer);
  return answer;
}

function boundsOf({ boundingBox }: BufferGeometry): Box3 {
  if (!boundingBox || boundingBox.isEmpty()) throw new Error("The shape is empty.");
  const { min, max } = boundingBox;
  return { low: [min.x, min.y, min.z], high: [max.x, max.y, max.z] };
}
