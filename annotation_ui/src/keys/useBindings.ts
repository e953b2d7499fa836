import { useEffect, useState } from "react";
import { saveKeys } from "../api/keys";
import { useMe } from "../api/me";
import { person } from "../shell/page";
import { type Bindings, type Command, changedBindings, ownBindings } from "./bindings";

interface Kept {
  changed: Record<string, string>;
  /** The server has not got them yet. */
  unsent: boolean;
}

/**
 * The person's keys of a page. They live on the server, so that they are the same on every machine; what this machine
 * saw last is there from the first moment, and a change counts at once, whatever the network does.
 */
export function useBindings(
  page: string,
  commands: readonly Command[],
): [Bindings, (bindings: Bindings) => void] {
  const [kept, setKept] = useState(() => read(page));
  const onServer = useMe({ orSignIn: false }).data?.keys[page];

  useEffect(() => {
    if (onServer === undefined || kept.unsent) return;
    if (JSON.stringify(onServer) !== JSON.stringify(kept.changed)) {
      setKept(keep(page, { changed: onServer, unsent: false }));
    }
  }, [onServer, kept, page]);

  useEffect(() => {
    if (!kept.unsent) return;
    const send = () =>
      saveKeys(page, kept.changed).then(
        () => setKept(keep(page, { ...kept, unsent: false })),
        () => undefined, // kept here, and sent when the network is back or the page is opened again
      );
    void send();
    window.addEventListener("online", send);
    return () => window.removeEventListener("online", send);
  }, [kept, page]);

  const change = (bindings: Bindings) =>
    setKept(keep(page, { changed: changedBindings(commands, bindings), unsent: true }));
  return [ownBindings(commands, kept.changed), change];
}

function place(page: string): string {
  return `lathe.keys.${page}.${person()}`;
}

function read(page: string): Kept {
  try {
    const kept: Partial<Kept> = JSON.parse(localStorage.getItem(place(page)) ?? "{}");
    return { changed: kept.changed ?? {}, unsent: kept.unsent ?? false };
  } catch {
    return { changed: {}, unsent: false }; // not readable: something else wrote there
  }
}

function keep(page: string, kept: Kept): Kept {
  localStorage.setItem(place(page), JSON.stringify(kept));
  return kept;
}
