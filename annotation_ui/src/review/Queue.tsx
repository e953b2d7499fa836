import { Button, Group, ScrollArea, Select, Text, TextInput } from "@mantine/core";
import { useEffect, useRef } from "react";
import type { Entry, Purpose, QueueFilter, ReviewState } from "../api/reviews";
import { seconds } from "../home/duration";
import classes from "./Review.module.css";
import { opinionText, PURPOSE_NAMES, STATE_NAMES } from "./words";

interface Props {
  filter: QueueFilter;
  onFilter: (change: Partial<QueueFilter>) => void;
  entries: readonly Entry[];
  chosen: Entry | undefined;
  onChoose: (entry: Entry) => void;
  more: (() => void) | null;
  loading: boolean;
}

const STATES = Object.entries(STATE_NAMES).map(([value, label]) => ({ value, label }));
const PURPOSES = Object.entries(PURPOSE_NAMES)
  .filter(([value]) => value !== "review")
  .map(([value, label]) => ({ value, label }));

/** The judgements to look at, and which of them. */
export function Queue({ filter, onFilter, entries, chosen, onChoose, more, loading }: Props) {
  const current = useRef<HTMLButtonElement>(null);
  const id = chosen?.work_item;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `id` says when another one is chosen
  useEffect(() => {
    current.current?.scrollIntoView?.({ block: "nearest" }); // a promise in newer browsers: not to be returned here
  }, [id]);
  return (
    <aside className={classes.queue} aria-label="Queue">
      <Group gap="xs" grow>
        <Select
          size="xs"
          aria-label="State"
          data={STATES}
          value={filter.review}
          allowDeselect={false}
          onChange={(value) => value && onFilter({ review: value as ReviewState })}
        />
        <Select
          size="xs"
          aria-label="Purpose"
          placeholder="any purpose"
          clearable
          data={PURPOSES}
          value={filter.purpose || null}
          onChange={(value) => onFilter({ purpose: (value ?? "") as Purpose | "" })}
        />
      </Group>
      <TextInput
        size="xs"
        aria-label="Person"
        placeholder="Person, by user name"
        value={filter.person}
        onChange={(event) => onFilter({ person: event.currentTarget.value.trim() })}
      />
      <ScrollArea className={classes.list} type="auto" viewportProps={{ tabIndex: -1 }}>
        <ol className={classes.entries} aria-label="Judgements" aria-busy={loading}>
          {entries.map((entry) => (
            <li key={entry.work_item}>
              <button
                type="button"
                ref={entry.work_item === id ? current : undefined}
                className={classes.entry}
                aria-current={entry.work_item === id}
                onMouseDown={(event) => event.preventDefault()} // keys go on working
                onClick={() => onChoose(entry)}
              >
                <span className={classes.line}>
                  <span className={classes.who}>{entry.person}</span>
                  <span className={classes.quiet}>{when(entry.submitted_at)}</span>
                </span>
                <span className={classes.line}>
                  <span className={classes.quiet}>
                    {PURPOSE_NAMES[entry.purpose]} · {seconds(entry.duration_ms)}
                  </span>
                  <span className={entry.disagrees ? classes.disagrees : classes.quiet}>
                    {opinionText(entry.opinions)}
                  </span>
                </span>
              </button>
            </li>
          ))}
        </ol>
        {more && (
          <Button variant="default" size="compact-sm" m="sm" onClick={more} loading={loading}>
            Show more
          </Button>
        )}
        {entries.length === 0 && !loading && (
          <Text p="md" size="sm" c="dimmed">
            Nothing here.
          </Text>
        )}
      </ScrollArea>
    </aside>
  );
}

/** The hour today, else the day. */
function when(at: string): string {
  const then = new Date(at);
  const today = new Date().toDateString() === then.toDateString();
  return today
    ? then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })
    : then.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}
