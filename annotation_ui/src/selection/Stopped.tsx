import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { HotButton } from "./HotButton";
import classes from "./SelectionPage.module.css";
import type { Situation } from "./task/desk";

interface Props {
  situation: Situation;
  run: (id: string) => void;
  /** Notices. */
  children: ReactNode;
}

/** Nothing to work on: why, and what next. */
export function Stopped({ situation, run, children }: Props) {
  const empty = situation.kind === "empty";
  return (
    <main className={classes.stopped}>
      {children}
      <Stack gap="md" maw={520}>
        <Title order={2} size="h3">
          {situation.kind === "stopped" ? situation.title : "Nothing waits to be compared"}
        </Title>
        <Text>
          {situation.kind === "stopped"
            ? situation.text
            : "Every set of candidates is judged, in other people's hands, or was skipped by you. New ones arrive as the generators finish; this page looks again every 15 seconds and goes on by itself."}
        </Text>
        <Group gap="md">
          <HotButton command="go_on" run={run} variant="filled">
            {empty ? "Look again" : "Next task"}
          </HotButton>
          <Anchor href="/">Other work</Anchor>
        </Group>
      </Stack>
    </main>
  );
}
