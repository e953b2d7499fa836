/** A triangle mesh without an index: three corners a face, xyz each. */
export interface Corners {
  positions: Float32Array;
  normals: Float32Array;
}

/**
 * Normals that are smooth where neighbouring faces meet at less than `creaseRadians` and sharp elsewhere, so that a
 * box has edges and a ball has none. `positions` (3 n) and `index` (3 m) come in; corners (9 m) go out.
 */
export function creasedNormals(
  positions: ArrayLike<number>,
  index: ArrayLike<number>,
  creaseRadians: number,
): Corners {
  const faceCount = Math.floor(index.length / 3);
  const faces = faceNormals(positions, index, faceCount);
  const around = facesAroundVertices(index, faceCount, positions.length / 3);
  const leastCosine = Math.cos(creaseRadians);
  const corners: Corners = {
    positions: new Float32Array(faceCount * 9),
    normals: new Float32Array(faceCount * 9),
  };
  for (let corner = 0; corner < faceCount * 3; corner += 1) {
    const vertex = at(index, corner);
    const own = Math.floor(corner / 3);
    let [x, y, z] = [0, 0, 0];
    for (let n = at(around.start, vertex); n < at(around.start, vertex + 1); n += 1) {
      const other = at(around.faces, n);
      const [ox, oy, oz] = [
        at(faces.area, other * 3),
        at(faces.area, other * 3 + 1),
        at(faces.area, other * 3 + 2),
      ];
      const cosine =
        at(faces.unit, own * 3) * at(faces.unit, other * 3) +
        at(faces.unit, own * 3 + 1) * at(faces.unit, other * 3 + 1) +
        at(faces.unit, own * 3 + 2) * at(faces.unit, other * 3 + 2);
      if (other !== own && cosine < leastCosine) continue;
      x += ox;
      y += oy;
      z += oz;
    }
    const length = Math.hypot(x, y, z) || 1;
    corners.positions.set(
      [at(positions, vertex * 3), at(positions, vertex * 3 + 1), at(positions, vertex * 3 + 2)],
      corner * 3,
    );
    corners.normals.set([x / length, y / length, z / length], corner * 3);
  }
  return corners;
}

/** Normals of faces, (3 m) each: of length one, and as long as twice the area. */
function faceNormals(positions: ArrayLike<number>, index: ArrayLike<number>, faceCount: number) {
  const unit = new Float32Array(faceCount * 3);
  const area = new Float32Array(faceCount * 3);
  for (let face = 0; face < faceCount; face += 1) {
    const [a, b, c] = [at(index, face * 3) * 3, at(index, face * 3 + 1) * 3, at(index, face * 3 + 2) * 3];
    const [ux, uy, uz] = difference(positions, b, a);
    const [vx, vy, vz] = difference(positions, c, a);
    const normal = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx] as const;
    const length = Math.hypot(...normal) || 1;
    area.set(normal, face * 3);
    unit.set([normal[0] / length, normal[1] / length, normal[2] / length], face * 3);
  }
  return { unit, area };
}

/** For vertex v, `faces[start[v]] … faces[start[v + 1] - 1]` are the faces that use it. */
function facesAroundVertices(index: ArrayLike<number>, faceCount: number, vertexCount: number) {
  const start = new Uint32Array(vertexCount + 1);
  for (let corner = 0; corner < faceCount * 3; corner += 1) {
    const after = at(index, corner) + 1;
    start[after] = at(start, after) + 1;
  }
  for (let vertex = 0; vertex < vertexCount; vertex += 1) {
    start[vertex + 1] = at(start, vertex + 1) + at(start, vertex);
  }
  const next = start.slice();
  const faces = new Uint32Array(faceCount * 3);
  for (let corner = 0; corner < faceCount * 3; corner += 1) {
    const vertex = at(index, corner);
    faces[at(next, vertex)] = Math.floor(corner / 3);
    next[vertex] = at(next, vertex) + 1;
  }
  return { start, faces };
}

function difference(positions: ArrayLike<number>, to: number, from: number): [number, number, number] {
  return [
    at(positions, to) - at(positions, from),
    at(positions, to + 1) - at(positions, from + 1),
    at(positions, to + 2) - at(positions, from + 2),
  ];
}

function at(values: ArrayLike<number>, place: number): number {
  return values[place] as number; // in bounds by construction; a check here would cost as much as the work
}
