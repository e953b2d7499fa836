import { Alert, Group, Paper, Slider, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { useContext } from "react";
import { BindingsContext } from "../keys/HotButton";
import { KeyHint } from "../keys/KeyHint";
import classes from "./Rating.module.css";
import type { SelectionDesk } from "./task/desk";
import { anchorsOf } from "./task/rubric";
import { REASONS, ratingOf, reasonWanted, type TaskState } from "./task/taskState";

/** The rating of the winner on the rubric's scale; under the bar also the main reason. */
export function Rating({
  state,
  desk,
  run,
}: {
  state: TaskState;
  desk: SelectionDesk;
  run: (id: string) => void;
}) {
  const bindings = useContext(BindingsContext);
  const { rating, reason } = ratingOf(state) ?? { rating: null, reason: "" };
  const anchors = anchorsOf(state.task.rubric.markdown);
  return (
    <Paper withBorder p="sm" mb="md" component="section" aria-label="Rating">
      <Stack gap="sm">
        <Group justify="space-between" wrap="nowrap">
          <Title order={2} size="h5">
            Rate the winner
          </Title>
          <Text fw={600} c="dimmed">
            {rating === null ? "–" : rating.toFixed(2)}
          </Text>
        </Group>
        <Stack gap={4}>
          {anchors.map((anchor, index) => (
            <UnstyledButton
              key={anchor.rating}
              className={classes.option}
              aria-pressed={rating === anchor.rating}
              title={anchor.meaning}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => run(`anchor${index + 1}`)}
            >
              <KeyHint combo={bindings[`anchor${index + 1}`] ?? ""} />
              <span>{anchor.name}</span>
              <span className={classes.number}>{anchor.rating.toFixed(2)}</span>
            </UnstyledButton>
          ))}
        </Stack>
        <Slider
          min={0}
          max={1}
          step={0.01}
          value={rating ?? 0.5}
          label={(value) => value.toFixed(2)}
          thumbLabel="Rating"
          marks={anchors.map((anchor) => ({ value: anchor.rating }))}
          onChange={(value) => desk.rate(value)}
          className={rating === null ? classes.unset : ""}
        />
        {reasonWanted(state) && (
          <Alert color="yellow" variant="outline" title="Under the bar: what is the main reason?" mt="xs">
            <Stack gap={4}>
              {REASONS.map(({ value, label }) => (
                <UnstyledButton
                  key={value}
                  className={classes.option}
                  aria-pressed={reason === value}
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => run(value)}
                >
                  <KeyHint combo={bindings[value] ?? ""} />
                  <span>{label}</span>
                </UnstyledButton>
              ))}
            </Stack>
          </Alert>
        )}
      </Stack>
    </Paper>
  );
}
