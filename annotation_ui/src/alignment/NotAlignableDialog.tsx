import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import type { KeyboardEvent } from "react";
import type { NotAlignable } from "../api/alignments";
import { KeyHint } from "../keys/KeyHint";
import { REASONS } from "./task/alignmentState";

interface Props {
  opened: boolean;
  onClose: () => void;
  onRefuse: (reason: NotAlignable) => void;
}

/** Why no pose can work: a number or a click gives the reason and ends the task. */
export function NotAlignableDialog({ opened, onClose, onRefuse }: Props) {
  const pick = (event: KeyboardEvent) => {
    const picked = REASONS[Number(/^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1]) - 1];
    if (picked) onRefuse(picked.value);
  };
  return (
    <Modal opened={opened} onClose={onClose} title="Not alignable" onKeyDown={pick}>
      <Stack gap="sm">
        <Text size="sm">No pose can work. Why? This hands the task in.</Text>
        {REASONS.map(({ value, label, meaning }, index) => (
          <Button
            key={value}
            variant="default"
            fullWidth
            h="auto"
            py="sm"
            justify="flex-start"
            data-autofocus={index === 0 || undefined}
            leftSection={<KeyHint combo={`Digit${index + 1}`} />}
            onClick={() => onRefuse(value)}
          >
            <Stack gap={2} align="flex-start">
              <Text fw={600}>{label}</Text>
              <Text size="sm" c="dimmed">
                {meaning}
              </Text>
            </Stack>
          </Button>
        ))}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
