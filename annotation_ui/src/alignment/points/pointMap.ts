/**
 * The point map as it is transferred, little-endian: a head, uint16 xyz of every point, padding to four bytes, then uint8
 * red, green, blue and whether it belongs to M. Points are ordered from coarse to fine, so any prefix shows the whole
 * scene. Camera frame: x right, y down, z forward. Source: `engine/alignment/point_cloud.py`.
 */
export interface PointMap {
  readonly count: number;
  /** Camera frame: a point is origin + step · position, each along x, y, z. */
  readonly origin: readonly [number, number, number];
  readonly step: readonly [number, number, number];
  readonly positions: Uint16Array;
  /** Red, green, blue, and 1 where the point belongs to M. */
  readonly colours: Uint8Array;
}

const HEAD_BYTES = 36;
const MAGIC = "LPM1";

/** What was sent is no point map. */
export class PointMapUnreadable extends Error {}

/** Look at what was sent as a point map; nothing is copied. */
export function readPointMap(buffer: ArrayBuffer): PointMap {
  const view = new DataView(buffer);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, Math.min(4, buffer.byteLength)));
  if (buffer.byteLength < HEAD_BYTES || magic !== MAGIC)
    throw new PointMapUnreadable(`The point map does not begin with ${MAGIC}.`);
  const count = view.getUint32(4, true);
  const coloursAt = HEAD_BYTES + count * 6 + ((4 - ((count * 6) % 4)) % 4);
  if (buffer.byteLength < coloursAt + count * 4)
    throw new PointMapUnreadable(`The point map is cut off: ${count} points in ${buffer.byteLength} bytes.`);
  const three = (at: number): [number, number, number] => [
    view.getFloat32(at, true),
    view.getFloat32(at + 4, true),
    view.getFloat32(at + 8, true),
  ];
  return {
    count,
    origin: three(12),
    step: three(24),
    positions: new Uint16Array(buffer, HEAD_BYTES, count * 3),
    colours: new Uint8Array(buffer, coloursAt, count * 4),
  };
}

/** The points that belong to M, xyz in the camera frame. */
export function pointsOfTarget({ count, positions, colours, origin, step }: PointMap): Float32Array {
  const points = new Float32Array(count * 3);
  let at = 0;
  for (let n = 0; n < count; n += 1) {
    if (colours[n * 4 + 3] === 0) continue;
    points[at] = origin[0] + step[0] * (positions[n * 3] as number);
    points[at + 1] = origin[1] + step[1] * (positions[n * 3 + 1] as number);
    points[at + 2] = origin[2] + step[2] * (positions[n * 3 + 2] as number);
    at += 3;
  }
  return points.slice(0, at);
}

/** Median depth of all points, in their unit; null without points. */
export function medianDepth({ count, positions, origin, step }: PointMap): number | null {
  if (count === 0) return null;
  const every = Math.max(1, Math.floor(count / 10_001));
  const depths: number[] = [];
  for (let n = 0; n < count; n += every) depths.push(positions[n * 3 + 2] as number);
  depths.sort((a, b) => a - b);
  return origin[2] + step[2] * (depths[depths.length >> 1] as number);
}
