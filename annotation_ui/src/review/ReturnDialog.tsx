import { Button, Group, Modal, Stack, Textarea } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useState } from "react";

interface Props {
  /** Who gets it back; null: the dialog is closed. */
  person: string | null;
  onClose: () => void;
  onReturn: (note: string) => void;
}

/** What is to be done better. Enter sends it, Shift and Enter begin a new line. */
export function ReturnDialog({ person, onClose, onReturn }: Props) {
  const [note, setNote] = useState("");
  const send = () => {
    if (note.trim() === "") return;
    onReturn(note.trim());
    setNote("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    send();
  };
  return (
    <Modal opened={person !== null} onClose={onClose} title={`Return to ${person ?? ""}`}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <Textarea
            label="What is to be done better? They read it with the task."
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            onKeyDown={onKeyDown}
            maxLength={1000}
            rows={4}
            data-autofocus
          />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" disabled={note.trim() === ""}>
              Return
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
