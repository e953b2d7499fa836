import { Button, Group, Text } from "@mantine/core";
import type { Me } from "../api/me";
import { seconds } from "../home/duration";
import classes from "./Status.module.css";
import type { Snapshot } from "./task/desk";

/** How the work stands: what is saved, my day so far. The numbers keep their places. */
export function Status({
  snapshot,
  me,
  run,
}: {
  snapshot: Snapshot;
  me: Me | undefined;
  run: (id: string) => void;
}) {
  const mine = me?.stages.selection?.today;
  return (
    <Group gap="md" wrap="nowrap" className={classes.status}>
      <Text size="sm" className={classes.saved} aria-live="polite">
        {savedText(snapshot)}
      </Text>
      {mine && (
        <Text size="sm" c="dimmed" className={classes.day}>
          {mine.done} done today
          {mine.median_duration_ms !== null && ` · median ${seconds(mine.median_duration_ms)}`}
        </Text>
      )}
      <Button variant="subtle" size="compact-sm" onClick={() => run("keys")}>
        Keys ?
      </Button>
    </Group>
  );
}

function savedText({ connection, unsent, draft }: Snapshot): string {
  if (connection !== "ok") return unsent > 0 ? `${unsent} kept on this machine` : "not connected";
  if (unsent > 0 || draft === "saving") return "saving…";
  return draft === "here" ? "draft kept on this machine" : "saved ✓";
}
