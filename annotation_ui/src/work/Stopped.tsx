import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { HotButton } from "../keys/HotButton";
import type { Situation } from "./desk";
import classes from "./page.module.css";

interface Props {
  situation: Situation<unknown>;
  emptyTitle: string;
  emptyText: string;
  run: (id: string) => void;
  /** Notices. */
  children: ReactNode;
}

/** Nothing to work on: why, and what next. */
export function Stopped({ situation, emptyTitle, emptyText, run, children }: Props) {
  const empty = situation.kind === "empty";
  return (
    <main className={classes.stopped}>
      {children}
      <Stack gap="md" maw={520}>
        <Title order={2} size="h3">
          {situation.kind === "stopped" ? situation.title : emptyTitle}
        </Title>
        <Text>{situation.kind === "stopped" ? situation.text : emptyText}</Text>
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
