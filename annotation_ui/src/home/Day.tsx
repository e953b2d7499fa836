import { Paper, Text } from "@mantine/core";
import type { Me } from "../api/me";
import classes from "./Day.module.css";
import { seconds } from "./duration";

/** My own day in one quiet line. */
export function Day({ me }: { me: Me }) {
  return (
    <Paper withBorder p="md" component="section" aria-label="My day" className={classes.day}>
      <Text>
        <b>{me.today.done}</b> done today
      </Text>
      <Text c="dimmed">
        {me.today.median_duration_ms === null
          ? "no median yet"
          : `median ${seconds(me.today.median_duration_ms)} a task`}
      </Text>
    </Paper>
  );
}
