import { Group, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { HotButton } from "../keys/HotButton";
import type { ComparedState, ComparedTask } from "./task/tournament";
import classes from "./Work.module.css";

type State = ComparedState<ComparedTask> | null;

interface Props {
  state: State;
  run: (id: string) => void;
  /** Where it stands once every pair was answered. */
  whenShown: string;
  /** What ends the task then. */
  end: ReactNode;
}

/** The bar below: how far the tournament is, what to say about the pair, one step back, skip. */
export function Choices({ state, run, whenShown, end }: Props) {
  const compare = state === null || state.standing.phase === "compare";
  return (
    <footer className={classes.bar}>
      <Rounds state={state} whenShown={whenShown} />
      <Group gap="sm" justify="center" wrap="nowrap" className={classes.choices}>
        {compare ? (
          <>
            <HotButton size="md" variant="filled" command="left" run={run} disabled={state === null}>
              Left
            </HotButton>
            <HotButton size="md" command="equal" run={run} disabled={state === null}>
              Equal
            </HotButton>
            <HotButton size="md" variant="filled" command="right" run={run} disabled={state === null}>
              Right
            </HotButton>
          </>
        ) : (
          end
        )}
      </Group>
      <Group gap="sm" justify="flex-end" wrap="nowrap">
        <HotButton command="undo" run={run} disabled={!state?.answers.length}>
          Back
        </HotButton>
        <HotButton command="redo" run={run} disabled={!state?.takenBack.length}>
          Again
        </HotButton>
        <HotButton command="skip" run={run} disabled={state === null}>
          Skip…
        </HotButton>
      </Group>
    </footer>
  );
}

function Rounds({ state, whenShown }: Pick<Props, "state" | "whenShown">) {
  if (state === null) return <div />;
  const { round, rounds, phase } = state.standing;
  const done = phase === "rate" ? rounds : round - 1;
  return (
    <Group gap="md" wrap="nowrap">
      <div className={classes.dots} aria-hidden>
        {Array.from({ length: rounds }, (_, index) => index + 1).map((number) => (
          <span
            key={number}
            className={classes.dot}
            data-done={number <= done}
            data-now={number === done + 1}
          />
        ))}
      </div>
      <Text size="sm" aria-live="polite" className={classes.round}>
        {phase === "rate" ? whenShown : `round ${round} of ${rounds}`}
      </Text>
    </Group>
  );
}
