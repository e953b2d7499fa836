import { Button, Group, Modal, ScrollArea, Table, Text } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { type Bindings, type Command, comboOf, defaultBindings, keyName, rebind } from "./bindings";

interface Props {
  opened: boolean;
  onClose: () => void;
  commands: readonly Command[];
  bindings: Bindings;
  onChange: (bindings: Bindings) => void;
  /** Sets of keys that people know from elsewhere; without them there are the defaults alone. */
  presets?: readonly { label: string; bindings: Bindings }[];
}

/** Every command of the page with its key; a press on the key changes it, unless another command has it. */
export function KeysDialog({ opened, onClose, commands, bindings, onChange, presets }: Props) {
  const sets = presets ?? [{ label: "Reset all", bindings: defaultBindings(commands) }];
  const [waiting, setWaiting] = useState<string | null>(null);
  const [refused, setRefused] = useState<string | null>(null);

  const take = (event: KeyboardEvent) => {
    if (waiting === null) return;
    const combo = comboOf(event.nativeEvent);
    if (combo === null) return;
    event.preventDefault();
    event.stopPropagation();
    if (combo !== "Escape") {
      const outcome = rebind(commands, bindings, waiting, combo);
      setRefused("refused" in outcome ? outcome.refused : null);
      if ("bindings" in outcome) onChange(outcome.bindings);
    }
    setWaiting(null);
  };

  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title="Keys"
      size="lg"
      closeOnEscape={waiting === null}
      scrollAreaComponent={ScrollArea.Autosize}
    >
      <Group justify="space-between" mb="sm" wrap="nowrap">
        <Text size="sm" c={refused ? "red" : "dimmed"} role={refused ? "alert" : undefined}>
          {refused ?? "Press a key's button, then the key that you would rather use."}
        </Text>
        <Group gap="xs" wrap="nowrap">
          {presets && <Text size="sm">All as in</Text>}
          {sets.map((set) => (
            <Button
              key={set.label}
              variant="default"
              size="compact-sm"
              aria-label={presets && `All keys as in ${set.label}`}
              onClick={() => {
                setRefused(null);
                onChange(set.bindings);
              }}
            >
              {set.label}
            </Button>
          ))}
        </Group>
      </Group>
      <Table verticalSpacing={4}>
        <Table.Tbody>
          {commands.map((command) => (
            <Table.Tr key={command.id}>
              <Table.Td>{command.label}</Table.Td>
              <Table.Td ta="right">
                <Button
                  variant={waiting === command.id ? "filled" : "default"}
                  size="compact-sm"
                  miw={88}
                  aria-label={`Key of “${command.label}”`}
                  onClick={() => setWaiting(command.id)}
                  onBlur={() => setWaiting(null)}
                  onKeyDown={take}
                >
                  {waiting === command.id ? "press…" : keyName(bindings[command.id] ?? "")}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
