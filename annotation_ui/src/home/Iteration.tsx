import { Alert, Badge, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { FlywheelStatus } from "../api/flywheel";
import classes from "./Iteration.module.css";
import { STEPS, stepStates } from "./steps";

/** Where the flywheel stands: one line of steps, the bar α, and for engineers the checkpoint that proposes. */
export function Iteration({ status }: { status: FlywheelStatus }) {
  const iteration = status.iteration;
  if (iteration === null) {
    return (
      <Paper withBorder p="md">
        <Title order={2} size="h4">
          No iteration yet
        </Title>
        <Text c="dimmed" mt="xs">
          Nothing is being collected. An ML engineer starts the first iteration from the dashboard or with{" "}
          <code>manage.py flywheel start</code>; work appears here within seconds.
        </Text>
      </Paper>
    );
  }
  return (
    <Paper withBorder p="md">
      <Stack gap="md">
        <Group justify="space-between" gap="sm">
          <Title order={2} size="h4">
            Iteration {iteration.number}
          </Title>
          <Group gap="xs">
            <Badge variant="default" tt="none" fw={500}>
              bar α {iteration.alpha.toFixed(2)}
            </Badge>
            {status.promoted !== null && (
              <Badge variant="default" tt="none" fw={500}>
                checkpoint {status.promoted}
              </Badge>
            )}
          </Group>
        </Group>
        <ol className={classes.steps} aria-label="Steps of the iteration">
          {stepStates(iteration).map((state, index) => (
            <li
              key={STEPS[index]}
              className={classes.step}
              data-state={state}
              aria-current={state === "now" ? "step" : undefined}
            >
              <span className={classes.mark} aria-hidden>
                {state === "past" ? "✓" : state === "failed" ? "!" : index + 1}
              </span>
              <span>{STEPS[index]}</span>
            </li>
          ))}
        </ol>
        {iteration.failed && (
          <Alert color="red" title="The iteration stopped">
            {iteration.failure} What was promoted stays in use; an ML engineer can resume from the dashboard.
          </Alert>
        )}
      </Stack>
    </Paper>
  );
}
