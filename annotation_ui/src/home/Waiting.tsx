import { Button, Paper, SimpleGrid, Text, Title } from "@mantine/core";
import type { Me } from "../api/me";
import { visibleStages } from "./stages";
import classes from "./Waiting.module.css";

/** What this person could do now, a card a stage; an empty stage says why it is empty and what comes next. */
export function Waiting({ me }: { me: Me }) {
  const stages = visibleStages(me.roles);
  if (stages.length === 0) {
    return (
      <Paper withBorder p="md">
        <Text>Your account has no role that takes tasks. An admin can give you one.</Text>
      </Paper>
    );
  }
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }} spacing="md">
      {stages.map((stage) => {
        const waiting = me.waiting[stage.key];
        const count = waiting?.count ?? 0;
        return (
          <Paper key={stage.key} withBorder p="md" className={classes.card} data-empty={count === 0}>
            <Text size="sm" c="dimmed">
              {stage.label}
            </Text>
            <Title order={3} size="h4">
              {stage.task}
            </Title>
            <Text className={classes.count}>
              {count}
              {waiting?.more && "+"}
            </Text>
            <Text size="sm" c="dimmed">
              {count === 0 ? stage.whenEmpty : "waiting"}
            </Text>
            {stage.page && count > 0 && (
              <Button component="a" href={stage.page} mt="sm" aria-label={`Start: ${stage.task}`}>
                Start
              </Button>
            )}
          </Paper>
        );
      })}
    </SimpleGrid>
  );
}
