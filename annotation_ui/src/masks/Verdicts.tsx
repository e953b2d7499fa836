import { Group, Text } from "@mantine/core";
import { HotButton } from "../keys/HotButton";
import classes from "./MaskPage.module.css";
import { isRefined, type MaskState, REASONS } from "./task/maskState";

interface Props {
  state: MaskState | null;
  run: (id: string) => void;
}

/** What can be said about the object: the way on, the ways out, another object. */
export function Verdicts({ state, run }: Props) {
  if (state?.aside) {
    return (
      <footer className={classes.bar}>
        <HotButton size="md" variant="filled" command="accept" run={run}>
          Store this object
        </HotButton>
        <Text size="sm" c="dimmed">
          It becomes a task of its own. The object that you came for waits meanwhile.
        </Text>
        <HotButton command="cancel" run={run}>
          Back without it
        </HotButton>
      </footer>
    );
  }
  const proposing = state?.task.wants_proposal ?? false;
  const reasons = REASONS.filter(
    ({ value }) => !proposing || value === "no_salient_object" || value === "low_quality",
  );
  return (
    <footer className={classes.bar}>
      <HotButton size="md" variant="filled" command="accept" run={run} disabled={state === null} miw={168}>
        {labelOf(state)}
      </HotButton>
      <Group gap="xs" wrap="nowrap">
        <Text size="sm" c="dimmed">
          Discard:
        </Text>
        {reasons.map(({ value, label }) => (
          <HotButton key={value} size="compact-md" command={value} run={run} disabled={state === null}>
            {label}
          </HotButton>
        ))}
      </Group>
      <Group gap="xs" wrap="nowrap">
        <HotButton size="compact-md" command="further" run={run} disabled={state === null}>
          Another object
        </HotButton>
        <HotButton size="compact-md" command="skip" run={run} disabled={state === null}>
          Skip…
        </HotButton>
      </Group>
    </footer>
  );
}

function labelOf(state: MaskState | null): string {
  if (state?.task.wants_proposal) return "Send object";
  return state && isRefined(state) ? "Send refined" : "Verify";
}
