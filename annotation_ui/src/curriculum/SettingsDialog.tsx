import { Alert, Button, Group, Modal, NumberInput, SimpleGrid, Stack, Text } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import type { CurriculumSettings } from "../api/curriculum";

type Name = keyof CurriculumSettings;

const SHARES: readonly (readonly [Name, string])[] = [
  ["simple_at_start", "Simple, at the start"],
  ["simple_at_end", "Simple, at the goal"],
  ["structured_at_start", "Structured, at the start"],
  ["structured_at_end", "Structured, at the goal"],
  ["flatness_at_start", "Flatness of the tail, at the start"],
  ["flatness_at_end", "Flatness of the tail, at the goal"],
];

interface Props {
  opened: boolean;
  settings: CurriculumSettings;
  saving: boolean;
  problem: string | null;
  onClose: () => void;
  onSave: (settings: CurriculumSettings) => void;
}

/** Where the way begins and ends; deformable geometry gets what the others leave. */
export function SettingsDialog({ opened, settings, saving, problem, onClose, onSave }: Props) {
  const [values, setValues] = useState(settings);
  useEffect(() => {
    if (opened) setValues(settings);
  }, [opened, settings]);
  const set = (name: Name) => (value: number | string) =>
    setValues((now) => ({ ...now, [name]: Number(value) }));
  const deformable = (end: "start" | "end") =>
    Math.round(100 * (1 - (values[`simple_at_${end}`] ?? 0) - (values[`structured_at_${end}`] ?? 0)));
  const over = (["start", "end"] as const).find((end) => deformable(end) < 0);
  const wrong = over
    ? `Simple and structured together are more than all, at the ${over === "end" ? "goal" : "start"}.`
    : problem;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSave(values);
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Curriculum settings" size="lg">
      <form onSubmit={submit}>
        <Stack gap="md">
          <SimpleGrid cols={2} spacing="md">
            <NumberInput
              label="Objects wanted in all"
              value={values.goal_objects ?? 0}
              onChange={set("goal_objects")}
              min={1}
              thousandSeparator=" "
              data-autofocus
            />
            <NumberInput
              label="Work items planned ahead"
              value={values.horizon ?? 0}
              onChange={set("horizon")}
              min={8}
            />
            {SHARES.map(([name, label]) => (
              <NumberInput
                key={name}
                label={label}
                value={values[name] ?? 0}
                onChange={set(name)}
                min={0}
                max={1}
                step={0.05}
                decimalScale={3}
              />
            ))}
            <NumberInput
              label="Own words, at most"
              value={values.unfiled_share ?? 0}
              onChange={set("unfiled_share")}
              min={0}
              max={0.5}
              step={0.01}
              decimalScale={3}
            />
          </SimpleGrid>
          <Text size="sm" c="dimmed">
            Deformable gets the rest: {deformable("start")} % at the start, {deformable("end")} % at the goal.
            Flatness 0 keeps categories as often as they come, 1 makes all equally often.
          </Text>
          {wrong && (
            <Alert color="red" variant="outline" role="alert">
              {wrong}
            </Alert>
          )}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={saving} disabled={Boolean(over)}>
              Save and plan
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
