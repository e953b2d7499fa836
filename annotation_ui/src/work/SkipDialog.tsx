import { Button, Group, Modal, Radio, Stack, Textarea } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import type { SkipReason } from "../api/workItems";
import { KeyHint } from "../keys/KeyHint";

const REASONS: readonly { value: SkipReason; label: string }[] = [
  { value: "unclear", label: "I cannot tell what is meant" },
  { value: "too_hard", label: "Too hard to judge" },
  { value: "not_my_field", label: "Not my field" },
  { value: "broken", label: "Something does not load or looks wrong" },
  { value: "offensive", label: "Offensive or disturbing" },
  { value: "other", label: "Another reason" },
];

interface Props {
  opened: boolean;
  onClose: () => void;
  onSkip: (reason: SkipReason, note: string) => void;
}

/** Why the task is skipped: a number picks the reason, Enter skips. */
export function SkipDialog({ opened, onClose, onSkip }: Props) {
  const [reason, setReason] = useState<SkipReason>("unclear");
  const [note, setNote] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSkip(reason, note);
    setReason("unclear");
    setNote("");
  };
  const pick = (event: KeyboardEvent) => {
    if (event.target instanceof HTMLTextAreaElement) return;
    const picked = REASONS[Number(/^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1]) - 1];
    if (picked) setReason(picked.value);
  };

  return (
    <Modal opened={opened} onClose={onClose} title="Skip this task" onKeyDown={pick}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Radio.Group
            label="It goes to others, and you will not meet it again. Why?"
            value={reason}
            onChange={(value) => setReason(value as SkipReason)}
          >
            <Stack gap="sm" mt="sm">
              {REASONS.map(({ value, label }, index) => (
                <Radio
                  key={value}
                  value={value}
                  data-autofocus={index === 0 || undefined}
                  label={
                    <Group gap="sm">
                      <KeyHint combo={`Digit${index + 1}`} /> {label}
                    </Group>
                  }
                />
              ))}
            </Stack>
          </Radio.Group>
          <Textarea
            label="Note"
            value={note}
            maxLength={2000}
            onChange={(event) => setNote(event.target.value)}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" rightSection={<KeyHint combo="Enter" />}>
              Skip
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
