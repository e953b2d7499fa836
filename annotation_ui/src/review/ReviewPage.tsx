import { Alert, Button, Group, SegmentedControl, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo, useRef, useState } from "react";
import { useMe } from "../api/me";
import {
  type Deed,
  type Entry,
  type JudgedSelection,
  type QueueFilter,
  type ReviewStage,
  useDeed,
  useQueue,
} from "../api/reviews";
import { seconds } from "../home/duration";
import { BindingsContext, HotButton } from "../keys/HotButton";
import { KeyHint } from "../keys/KeyHint";
import { KeysDialog } from "../keys/KeysDialog";
import { useBindings } from "../keys/useBindings";
import { useHotkeys } from "../keys/useHotkeys";
import { PHOTO_MODES, type PhotoMode } from "../photograph/draw";
import type { Stage } from "../selection/scene/stage";
import { Header } from "../shell/Header";
import { AgreementView } from "./AgreementView";
import { COMMANDS, stageOf } from "./commands";
import { NoOpinion, Panel } from "./Panel";
import { Queue } from "./Queue";
import { ReturnDialog } from "./ReturnDialog";
import classes from "./Review.module.css";
import { besideOf, measureName, measureText, PURPOSE_NAMES, STAGE_NAMES, STATE_NAMES } from "./words";

type Tab = ReviewStage | "people";

/** What there is to show, each with the command that shows it. */
const TABS = [
  ...Object.entries(STAGE_NAMES).map(([value, label], index) => ({
    value,
    label,
    command: `stage${index + 1}`,
  })),
  { value: "people", label: "Agreement", command: "people" },
];
const DONE_WORDS: Record<Deed["kind"], string> = {
  accept: "Accepted",
  mark_gold: "Marked as gold",
  unmark_gold: "No longer gold",
  return: "Returned",
  requeue: "Re-queued",
  ask: "Somebody else is asked",
};

/** The reviewer's page: a queue, the judgement in its annotator's view, what others said, and what to do with it. */
export function ReviewPage() {
  const me = useMe();
  const [tab, setTab] = useState<Tab>("mask");
  const [filter, setFilter] = useState<Omit<QueueFilter, "stage">>({
    review: "unreviewed",
    person: "",
    purpose: "",
  });
  const stage = tab === "people" ? "mask" : tab;
  const queue = useQueue({ stage, ...filter });
  const deed = useDeed();
  const queries = useQueryClient();
  const entries = useMemo(() => queue.data?.pages.flatMap((page) => page.entries) ?? [], [queue.data]);
  const [chosenId, setChosenId] = useState("");
  const [bindings, setBindings] = useBindings("review", COMMANDS);
  const [dialog, setDialog] = useState<"return" | "keys" | null>(null);
  const [photoMode, setPhotoMode] = useState<PhotoMode>("full");
  const [proposal, setProposal] = useState(false);
  const [round, setRound] = useState<number | null>(null);
  const [otherRound, setOtherRound] = useState<number | null>(null);
  const [done, setDone] = useState("");
  const stages = useRef<Record<"one" | "other", Stage | null>>({ one: null, other: null });
  const place = useRef(0);

  // What was chosen, or, once it has left the queue, what stands in its place.
  const found = entries.findIndex(({ work_item }) => work_item === chosenId);
  if (found >= 0) place.current = found;
  const chosen = entries[found >= 0 ? found : Math.min(place.current, entries.length - 1)];
  const beside = chosen && besideOf(chosen);
  const asked = chosen?.opinions.some((opinion) => opinion.work_item === null) ?? false;

  const choose = useCallback((entry: Entry | undefined) => {
    if (!entry) return;
    setChosenId(entry.work_item);
    setProposal(false);
    setRound(null);
    setOtherRound(null);
  }, []);
  const show = useCallback((next: Tab) => {
    setTab(next);
    setChosenId("");
    setProposal(false);
    setRound(null);
    setOtherRound(null);
    place.current = 0;
  }, []);
  const act = (kind: Deed["kind"], note?: string) => {
    if (!chosen || deed.isPending) return;
    if (kind !== "ask" && !chosen.possible.includes(kind)) return;
    setDone("");
    deed.mutate(
      { kind, workItem: chosen.work_item, ...(note !== undefined && { note }) },
      {
        onSuccess: () => {
          setDone(`${DONE_WORDS[kind]}: ${chosen.person}.`);
          setProposal(false);
          setRound(null);
          setOtherRound(null);
        },
      },
    );
  };
  const lastRound = () => {
    const judged = queries.getQueryData<JudgedSelection>(["judged", chosen?.work_item]);
    return (judged?.answers?.length ?? 1) - 1;
  };
  const goldAct = chosen?.possible.includes("unmark_gold") ? "unmark_gold" : "mark_gold";

  const run = (id: string) => {
    const goTo = stageOf(id);
    if (goTo) return show(goTo);
    switch (id as (typeof COMMANDS)[number]["id"]) {
      case "people":
        return show("people");
      case "next":
        return choose(entries[Math.min(place.current + 1, entries.length - 1)]);
      case "previous":
        return choose(entries[Math.max(place.current - 1, 0)]);
      case "accept":
      case "requeue":
        return act(id as "accept" | "requeue");
      case "gold":
        return act(goldAct);
      case "ask":
        return canAsk(chosen) ? act("ask") : undefined;
      case "return":
        return chosen?.possible.includes("return") ? setDialog("return") : undefined;
      case "keys":
        return setDialog("keys");
      case "photo":
        return setPhotoMode((now) => PHOTO_MODES[(PHOTO_MODES.indexOf(now) + 1) % PHOTO_MODES.length] ?? now);
      case "proposal":
        return setProposal((now) => !now);
      case "round_before":
        return setRound((now) => (now === null ? lastRound() : Math.max(0, now - 1)));
      case "round_after":
        return setRound((now) => (now === null || now >= lastRound() ? null : now + 1));
      default:
        for (const turning of Object.values(stages.current)) turn(turning, id);
    }
  };
  useHotkeys(COMMANDS, bindings, dialog === null ? "queue" : "dialog", run);

  const onStage = useCallback((built: Stage | null) => {
    stages.current.one = built;
  }, []);
  const onOtherStage = useCallback((built: Stage | null) => {
    stages.current.other = built;
  }, []);
  const failure = queue.error ?? deed.error;

  return (
    <BindingsContext value={bindings}>
      <div className={classes.page}>
        <Header place="Review" me={me.data}>
          <SegmentedControl
            size="xs"
            aria-label="Show"
            data={TABS.map(({ value, label, command }) => ({
              value,
              label: (
                <Group gap={6} wrap="nowrap" justify="center">
                  <span>{label}</span> <KeyHint combo={bindings[command] ?? ""} />
                </Group>
              ),
            }))}
            value={tab}
            onChange={(value) => show(value as Tab)}
          />
          <Button size="compact-sm" variant="subtle" onClick={() => setDialog("keys")}>
            Keys ?
          </Button>
        </Header>
        {tab === "people" ? (
          <AgreementView />
        ) : (
          <main className={classes.work}>
            <Queue
              filter={{ stage, ...filter }}
              onFilter={(change) => {
                setFilter((before) => ({ ...before, ...change }));
                place.current = 0;
              }}
              entries={entries}
              chosen={chosen}
              onChoose={choose}
              more={queue.hasNextPage ? () => void queue.fetchNextPage() : null}
              loading={queue.isFetching}
            />
            {chosen ? (
              <div className={classes.judgement} data-alone={!beside?.work_item}>
                <Panel
                  key={chosen.work_item}
                  stage={chosen.stage}
                  workItem={chosen.work_item}
                  title={chosen.person}
                  facts={factsOf(chosen)}
                  photoMode={photoMode}
                  proposal={proposal}
                  round={round}
                  onRound={setRound}
                  onStage={onStage}
                  run={run}
                />
                {beside?.work_item ? (
                  <Panel
                    key={beside.work_item}
                    stage={chosen.stage}
                    workItem={beside.work_item}
                    title={beside.person ?? ""}
                    facts={[besideText(chosen, beside)]}
                    photoMode={photoMode}
                    proposal={proposal}
                    round={otherRound}
                    onRound={setOtherRound}
                    onStage={onOtherStage}
                    run={run}
                  />
                ) : (
                  <NoOpinion asked={asked} />
                )}
              </div>
            ) : (
              <div className={classes.judgement}>
                <div className={classes.empty}>
                  {queue.isPending ? (
                    <Text c="dimmed">The queue is on its way.</Text>
                  ) : (
                    <Text c="dimmed">
                      {filter.review === "unreviewed"
                        ? "Nothing waits for review here. Judgements appear as people hand them in; this page looks again by itself."
                        : `No judgement is ${STATE_NAMES[filter.review]} here.`}
                    </Text>
                  )}
                </div>
              </div>
            )}
            <div className={classes.actions}>
              {failure && (
                <Alert
                  color="red"
                  variant="outline"
                  role="alert"
                  title="That did not work; nothing was changed"
                  py="xs"
                >
                  {failure.message}
                </Alert>
              )}
              <div className={classes.measures} role="status">
                {done && <Text size="sm">{done}</Text>}
                {beside?.agrees !== undefined &&
                  beside.agrees !== null &&
                  Object.entries(beside.measures).map(([name, value]) => {
                    const text = measureText(name, value);
                    return (
                      text && (
                        <Text key={name} size="sm">
                          <Text span size="sm" c="dimmed">
                            {measureName(name)}{" "}
                          </Text>
                          {text}
                        </Text>
                      )
                    );
                  })}
              </div>
              <Group gap="xs">
                <HotButton
                  command="accept"
                  run={run}
                  variant="filled"
                  disabled={!chosen?.possible.includes("accept") || deed.isPending}
                >
                  Accept
                </HotButton>
                <HotButton
                  command="return"
                  run={run}
                  disabled={!chosen?.possible.includes("return") || deed.isPending}
                >
                  Return…
                </HotButton>
                <HotButton
                  command="requeue"
                  run={run}
                  disabled={!chosen?.possible.includes("requeue") || deed.isPending}
                >
                  Re-queue
                </HotButton>
                <HotButton
                  command="gold"
                  run={run}
                  disabled={!chosen?.possible.includes(goldAct) || deed.isPending}
                >
                  {goldAct === "mark_gold" ? "Gold" : "Not gold"}
                </HotButton>
                <HotButton command="ask" run={run} disabled={!canAsk(chosen) || deed.isPending}>
                  Ask somebody else
                </HotButton>
                <HotButton
                  command="proposal"
                  run={run}
                  pressed={proposal}
                  disabled={!chosen || tab === "selection"}
                >
                  Proposal
                </HotButton>
                <HotButton command="photo" run={run} disabled={!chosen}>
                  Photograph
                </HotButton>
                <HotButton command="previous" run={run} disabled={place.current === 0}>
                  Previous
                </HotButton>
                <HotButton command="next" run={run} disabled={place.current >= entries.length - 1}>
                  Next
                </HotButton>
              </Group>
            </div>
          </main>
        )}
      </div>
      <ReturnDialog
        person={dialog === "return" && chosen ? chosen.person : null}
        onClose={() => setDialog(null)}
        onReturn={(note) => {
          setDialog(null);
          act("return", note);
        }}
      />
      <KeysDialog
        opened={dialog === "keys"}
        onClose={() => setDialog(null)}
        commands={COMMANDS}
        bindings={bindings}
        onChange={setBindings}
      />
    </BindingsContext>
  );
}

function factsOf(entry: Entry): string[] {
  return [
    PURPOSE_NAMES[entry.purpose],
    seconds(entry.duration_ms),
    ...(entry.review === "unreviewed" ? [] : [STATE_NAMES[entry.review]]),
    ...(entry.set_aside ? ["counts no more"] : []),
  ];
}

/** What the judgement beside it is: the known answer, or a colleague's. */
function besideText(entry: Entry, beside: Entry["opinions"][number]): string {
  if (beside.purpose === "gold") return entry.purpose === "gold" ? "the known answer" : "asked as gold task";
  return entry.purpose === "overlap" ? "first opinion" : "second opinion";
}

function canAsk(entry: Entry | undefined): boolean {
  return (
    entry !== undefined && entry.purpose === "collect" && !entry.set_aside && entry.opinions.length === 0
  );
}

function turn(stage: Stage | null, command: string): void {
  if (stage === null) return;
  if (command === "rotation") stage.setRotating(!stage.state().rotating);
  if (command === "linked") stage.setLinked(!stage.state().linked);
  if (command === "start_view") stage.startView();
}
