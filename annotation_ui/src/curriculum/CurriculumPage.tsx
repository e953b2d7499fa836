import {
  Alert,
  Button,
  Container,
  Group,
  Paper,
  Progress,
  Skeleton,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { useState } from "react";
import { type Curriculum, useCurriculum, usePlan } from "../api/curriculum";
import { useMe } from "../api/me";
import { Header } from "../shell/Header";
import { Categories } from "./Categories";
import { LongTail } from "./LongTail";
import { SettingsDialog } from "./SettingsDialog";
import type { Sort, Tier } from "./shares";
import { Tiers } from "./Tiers";

/** Which objects there are, which there should be, and which come next. */
export function CurriculumPage() {
  const me = useMe();
  const curriculum = useCurriculum();
  const plan = usePlan();
  const [words, setWords] = useState("");
  const [tier, setTier] = useState<Tier | "all">("all");
  const [sort, setSort] = useState<Sort>("behind");
  const [dialog, setDialog] = useState(false);
  const may = me.data?.roles.some((role) => role === "ml_engineer" || role === "admin") ?? false;
  const data = curriculum.data;
  const failure = curriculum.error ?? (dialog ? null : plan.error);
  return (
    <>
      <Header place="Curriculum" me={me.data} />
      <Container size={1760} py="md" component="main">
        <Stack gap="md">
          {failure && (
            <Alert variant="outline" color="red" title="That did not work" role="alert">
              <Group gap="md">
                {failure.message}
                <Button variant="default" size="compact-sm" onClick={() => void curriculum.refetch()}>
                  Try again
                </Button>
              </Group>
            </Alert>
          )}
          {data ? (
            <>
              <Standing data={data}>
                {may && (
                  <Group gap="sm" wrap="nowrap">
                    <Button variant="default" onClick={() => setDialog(true)}>
                      Settings…
                    </Button>
                    <Button loading={plan.isPending && !dialog} onClick={() => plan.mutate(null)}>
                      Plan now
                    </Button>
                  </Group>
                )}
              </Standing>
              <Tiers tiers={data.tiers} />
              <LongTail categories={data.categories} onPick={({ name }) => setWords(name)} />
              <Categories
                categories={data.categories}
                doneObjects={data.done_objects}
                words={words}
                onWords={setWords}
                tier={tier}
                onTier={setTier}
                sort={sort}
                onSort={setSort}
              />
              <SettingsDialog
                opened={dialog}
                settings={data.settings}
                saving={plan.isPending}
                problem={plan.error?.message ?? null}
                onClose={() => {
                  plan.reset();
                  setDialog(false);
                }}
                onSave={(settings) => plan.mutate(settings, { onSuccess: () => setDialog(false) })}
              />
            </>
          ) : (
            curriculum.isPending && <Skeleton height={480} />
          )}
        </Stack>
      </Container>
    </>
  );
}

function Standing({ data, children }: { data: Curriculum; children: React.ReactNode }) {
  const at = new Date(data.planned_at);
  return (
    <Paper withBorder p="md">
      <Group justify="space-between" gap="md" wrap="nowrap" align="flex-start">
        <Stack gap={6} flex={1}>
          <Title order={1} size="h4">
            {data.done_objects.toLocaleString("en")} of{" "}
            {(data.settings.goal_objects ?? 0).toLocaleString("en")} objects
          </Title>
          <Progress value={100 * data.progress} aria-label="Objects done, of those wanted" />
          <Text size="sm" c="dimmed">
            {data.waiting_objects.toLocaleString("en")} proposals wait for people · planned at{" "}
            {at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}, {data.moved_items} moved
            · simple geometry first, the long tail more and more
          </Text>
        </Stack>
        {children}
      </Group>
    </Paper>
  );
}
