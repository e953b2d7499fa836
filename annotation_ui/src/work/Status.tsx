import { Button, Group, Text } from "@mantine/core";
import type { components } from "../api/schema.gen";
import { seconds } from "../home/duration";
import type { Snapshot } from "./desk";
import classes from "./Status.module.css";

/** How the work stands: what is saved, my day so far. The numbers keep their places. */
export function Status({
  snapshot,
  today,
  run,
}: {
  snapshot: Snapshot<unknown, unknown>;
  /** My day in this stage. */
  today: components["schemas"]["Times"] | undefined;
  run: (id: string) => void;
}) {
  return (
    <Group gap="md" wrap="nowrap" className={classes.status}>
      <Text size="sm" className={classes.saved} aria-live="polite">
        {savedText(snapshot)}
      </Text>
      <Text size="sm" c="dimmed" className={classes.day}>
        {today?.done ?? 0} done today
        {typeof today?.median_duration_ms === "number" && ` · median ${seconds(today.median_duration_ms)}`}
      </Text>
      <Button variant="subtle" size="compact-sm" onClick={() => run("keys")}>
        Keys ?
      </Button>
    </Group>
  );
}

function savedText({ connection, unsent, draft }: Snapshot<unknown, unknown>): string {
  if (connection !== "ok") return unsent > 0 ? `${unsent} kept on this machine` : "not connected";
  if (unsent > 0 || draft === "saving") return "saving…";
  return draft === "here" ? "draft kept on this machine" : "saved ✓";
}
