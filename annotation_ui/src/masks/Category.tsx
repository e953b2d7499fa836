import { Combobox, Group, Highlight, ScrollArea, Text, TextInput, useCombobox } from "@mantine/core";
import { type RefObject, useEffect, useState } from "react";
import { type Leaf, leafOf, loadTaxonomy, suggestions } from "./taxonomy";

interface Props {
  value: string;
  disabled: boolean;
  onChange: (value: string) => void;
  inputRef: RefObject<HTMLInputElement | null>;
}

/** The category by type-ahead over the taxonomy; a word of one's own is kept as written. */
export function Category({ value, disabled, onChange, inputRef }: Props) {
  const leaves = useTaxonomy();
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const found = suggestions(leaves, value);
  const leaf = leafOf(leaves, value);
  return (
    <Combobox
      store={combobox}
      onOptionSubmit={(chosen) => {
        onChange(chosen);
        combobox.closeDropdown();
      }}
    >
      <Combobox.Target withExpandedAttribute>
        <TextInput
          ref={inputRef}
          label="Category"
          role="combobox"
          value={value}
          title={value}
          disabled={disabled}
          maxLength={200}
          placeholder="What is it?"
          autoComplete="off"
          onChange={(event) => {
            onChange(event.currentTarget.value);
            combobox.openDropdown();
            combobox.selectFirstOption();
          }}
          onBlur={() => combobox.closeDropdown()}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
            if (event.key === "Enter" && combobox.getSelectedOptionIndex() < 0) event.currentTarget.blur();
          }}
        />
      </Combobox.Target>
      <Text size="xs" c={leaf || !value ? "dimmed" : "light-dark(#7a5200, #ffd43b)"} mt={4} mih="1.2rem">
        {describe(value, leaf, leaves.length > 0)}
      </Text>
      <Combobox.Dropdown hidden={found.length === 0}>
        <Combobox.Options>
          <ScrollArea.Autosize mah={280} type="scroll">
            {found.map(({ leaf: option, synonym }) => (
              <Combobox.Option value={option.name.toLowerCase()} key={option.id}>
                <Group justify="space-between" wrap="nowrap" gap="xs">
                  <Highlight highlight={value} size="sm" inherit flex="none">
                    {option.name.toLowerCase()}
                  </Highlight>
                  <Text size="xs" c="dimmed" truncate>
                    {synonym ? `“${synonym}”` : option.group.replaceAll("_", " ")}
                  </Text>
                </Group>
              </Combobox.Option>
            ))}
          </ScrollArea.Autosize>
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

function describe(value: string, leaf: Leaf | null, loaded: boolean): string {
  if (!loaded) return "";
  if (value.trim() === "") return "Type a word; arrows and Enter choose.";
  if (leaf === null) return "Not in the taxonomy: kept as written.";
  return `${leaf.name} · ${leaf.group.replaceAll("_", " ")} · ${leaf.complexity}`;
}

function useTaxonomy(): readonly Leaf[] {
  const [leaves, setLeaves] = useState<readonly Leaf[]>([]);
  useEffect(() => {
    void loadTaxonomy().then(setLeaves);
  }, []);
  return leaves;
}
