import { type Corners, creasedNormals } from "./creasedNormals";

export interface CreasesWanted {
  readonly ticket: number;
  readonly positions: Float32Array;
  readonly index: Uint32Array;
  readonly creaseRadians: number;
}

interface CreasesMade {
  readonly ticket: number;
  readonly corners: Corners;
}

interface Waiting {
  readonly resolve: (corners: Corners) => void;
  readonly reject: (reason: Error) => void;
}

const waiting = new Map<number, Waiting>();
let worker: Worker | null = null;
let tickets = 0;

/** `creasedNormals` in a thread of its own, so that a shape that is loaded ahead holds up no key. */
export function creasesOf(
  positions: Float32Array,
  index: Uint32Array,
  creaseRadians: number,
): Promise<Corners> {
  if (typeof Worker === "undefined") return Promise.resolve(creasedNormals(positions, index, creaseRadians));
  worker ??= started();
  tickets += 1;
  const wanted: CreasesWanted = { ticket: tickets, positions, index, creaseRadians };
  const made = new Promise<Corners>((resolve, reject) => waiting.set(wanted.ticket, { resolve, reject }));
  worker.postMessage(wanted, [positions.buffer, index.buffer]);
  return made;
}

function started(): Worker {
  const thread = new Worker(new URL("./creases.worker.ts", import.meta.url), { type: "module" });
  thread.onmessage = ({ data }: MessageEvent<CreasesMade>) => {
    waiting.get(data.ticket)?.resolve(data.corners);
    waiting.delete(data.ticket);
  };
  thread.onerror = ({ message }) => {
    for (const { reject } of waiting.values())
      reject(new Error(`The normals could not be computed: ${message}`));
    waiting.clear();
    worker = null; // the next shape starts another one
    thread.terminate();
  };
  return thread;
}
