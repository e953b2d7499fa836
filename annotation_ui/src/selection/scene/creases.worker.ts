import { type Corners, creasedNormals } from "./creasedNormals";
import type { CreasesWanted } from "./creases";

/** The thread beside the page's: the page answers keys meanwhile. */
self.onmessage = ({ data }: MessageEvent<CreasesWanted>) => {
  const corners: Corners = creasedNormals(data.positions, data.index, data.creaseRadians);
  self.postMessage(
    { ticket: data.ticket, corners },
    { transfer: [corners.positions.buffer, corners.normals.buffer] },
  );
};
