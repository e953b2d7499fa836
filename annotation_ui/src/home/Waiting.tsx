import { Button, Paper, Text, Title } from "@mantine/core";
import { useCallback, useMemo } from "react";
import type { Me } from "../api/me";
import { type Command, defaultBindings } from "../keys/bindings";
import { KeyHint } from "../keys/KeyHint";
import { useHotkeys } from "../keys/useHotkeys";
import { type StageCard, visibleStages } from "./stages";
import classes from "./Waiting.module.css";

/** What this person could do now, a card a stage; an empty stage says why it is empty and what comes next. */
export function Waiting({ me }: { me: Me }) {
  const stages = visibleStages(me.roles);
  const ready = stages.filter((stage) => stage.page && (me.waiting[stage.key]?.count ?? 0) > 0);
  const keys = useStartKeys(ready);
  if (stages.length === 0) {
    return (
      <Paper withBorder p="md">
        <Text>Your account has no role that takes tasks. An admin can give you one.</Text>
      </Paper>
    );
  }
  return (
    <div className={classes.cards}>
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
            {count === 0 ? (
              <Text size="sm" c="dimmed" mt="xs">
                {stage.whenEmpty}
              </Text>
            ) : (
              <Text className={classes.count}>
                {count}
                {waiting?.more && "+"}{" "}
                <Text span size="sm" c="dimmed">
                  waiting
                </Text>
              </Text>
            )}
            {stage.page && count > 0 && (
              <Button
                component="a"
                href={stage.page}
                className={classes.start}
                aria-label={`Start: ${stage.task}`}
                rightSection={<KeyHint combo={keys[stage.key] ?? ""} />}
              >
                Start
              </Button>
            )}
          </Paper>
        );
      })}
    </div>
  );
}

/** A number starts each stage that has work, in their order. */
function useStartKeys(stages: StageCard[]): Readonly<Record<string, string>> {
  const commands = useMemo<Command[]>(
    () =>
      stages.map(({ key, task }, index) => ({
        id: key,
        label: task,
        contexts: ["home"],
        combo: `Digit${index + 1}`,
      })),
    [stages],
  );
  const bindings = defaultBindings(commands);
  const start = useCallback(
    (key: string) => {
      const page = stages.find((stage) => stage.key === key)?.page;
      if (page) window.location.assign(page);
    },
    [stages],
  );
  useHotkeys(commands, bindings, "home", start);
  return bindings;
}
