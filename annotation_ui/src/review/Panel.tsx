import { Badge, Group, Skeleton, Text, Title } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { ReviewStage } from "../api/reviews";
import type { PhotoMode } from "../photograph/draw";
import type { Stage } from "../selection/scene/stage";
import { MaskJudged } from "./MaskJudged";
import classes from "./Review.module.css";

// Each loads the graphics of its own page, so none is loaded before it is wanted.
const SelectionJudged = lazy(async () => ({
  default: (await import("./SelectionJudged")).SelectionJudged,
}));
const PoseJudged = lazy(async () => ({ default: (await import("./PoseJudged")).PoseJudged }));

interface Props {
  stage: ReviewStage;
  workItem: string;
  title: string;
  /** What of the judgement is worth a word: its purpose, how long it took. */
  facts: readonly string[];
  photoMode: PhotoMode;
  proposal: boolean;
  round: number | null;
  onRound: (round: number | null) => void;
  onStage: (stage: Stage | null) => void;
  run: (command: string) => void;
}

/** One judgement in the annotator's own view. */
export function Panel({ stage, workItem, title, facts, photoMode, proposal, ...selection }: Props) {
  return (
    <section className={classes.panel} aria-label={title}>
      <Group gap="xs" mb="xs" wrap="nowrap">
        <Title order={2} size="h5" className={classes.who} title={title}>
          {title}
        </Title>
        {facts.map((fact) => (
          <Badge key={fact} variant="default" tt="none" fw={500} flex="none">
            {fact}
          </Badge>
        ))}
      </Group>
      <Suspense fallback={<Skeleton flex={1} />}>
        {stage === "mask" && <MaskJudged {...{ workItem, photoMode, proposal }} />}
        {stage === "selection" && <SelectionJudged {...{ workItem, photoMode }} {...selection} />}
        {stage === "alignment" && (
          <PoseJudged key={workItem} {...{ workItem, proposal }} close={photoMode !== "full"} />
        )}
      </Suspense>
    </section>
  );
}

/** Where a second opinion would stand, and why there is none. */
export function NoOpinion({ asked }: { asked: boolean }) {
  return (
    <section className={classes.panel} aria-label="Second opinion">
      <Title order={2} size="h5" mb="xs">
        Second opinion
      </Title>
      <Text c="dimmed">
        {asked
          ? "Somebody else is asked the same; their answer appears here."
          : "Nobody else was asked. Ask somebody, and their answer appears here."}
      </Text>
    </section>
  );
}
