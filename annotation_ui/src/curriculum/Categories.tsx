import { Group, Paper, SegmentedControl, Table, Text, TextInput, Title } from "@mantine/core";
import { useMemo } from "react";
import type { CategoryShares } from "../api/curriculum";
import { Bars } from "./Bars";
import classes from "./Curriculum.module.css";
import { chosen, lacking, percent, type Sort, TIER_NAMES, TIERS, type Tier } from "./shares";

const SORT_NAMES: Record<Sort, string> = {
  behind: "furthest behind",
  done: "most done",
  waiting: "most waiting",
  name: "name",
};

interface Props {
  categories: readonly CategoryShares[];
  doneObjects: number;
  words: string;
  onWords: (words: string) => void;
  tier: Tier | "all";
  onTier: (tier: Tier | "all") => void;
  sort: Sort;
  onSort: (sort: Sort) => void;
}

/** Every leaf with its target, current and planned share. */
export function Categories({ categories, doneObjects, words, onWords, tier, onTier, sort, onSort }: Props) {
  const rows = useMemo(
    () => chosen(categories, { words, tier, sort, doneObjects }),
    [categories, words, tier, sort, doneObjects],
  );
  const most = Math.max(
    ...rows.map((row) => Math.max(row.current_share, row.target_share, row.planned_share)),
    1e-9,
  );
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="categories">
      <Group justify="space-between" mb="sm" gap="sm">
        <Title order={2} size="h4" id="categories">
          Categories
        </Title>
        <Group gap="sm">
          <TextInput
            aria-label="Find a category"
            placeholder="Find a category or group"
            value={words}
            onChange={(event) => onWords(event.currentTarget.value)}
            w={230}
          />
          <SegmentedControl
            aria-label="Tier"
            value={tier}
            onChange={(value) => onTier(value as Tier | "all")}
            data={[
              { value: "all", label: "All" },
              ...TIERS.map((value) => ({ value, label: TIER_NAMES[value] ?? value })),
            ]}
          />
          <SegmentedControl
            aria-label="Order"
            value={sort}
            onChange={(value) => onSort(value as Sort)}
            data={Object.entries(SORT_NAMES).map(([value, label]) => ({ value, label }))}
          />
        </Group>
      </Group>
      <Table stickyHeader verticalSpacing={4} horizontalSpacing="sm" className={classes.categories}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Category</Table.Th>
            <Table.Th>Tier</Table.Th>
            <Table.Th w="30%">Share</Table.Th>
            <Table.Th ta="right">Current</Table.Th>
            <Table.Th ta="right">Target</Table.Th>
            <Table.Th ta="right">Planned</Table.Th>
            <Table.Th ta="right">Done</Table.Th>
            <Table.Th ta="right">Lacking</Table.Th>
            <Table.Th ta="right">Waiting</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={row.id}>
              <Table.Td>
                <Text span fw={600} size="sm">
                  {row.name}
                </Text>{" "}
                <Text span c="dimmed" size="sm">
                  {row.group.replaceAll("_", " ")}
                </Text>
              </Table.Td>
              <Table.Td>{TIER_NAMES[row.tier] ?? row.tier}</Table.Td>
              <Table.Td>
                <Bars
                  current={row.current_share}
                  target={row.target_share}
                  planned={row.planned_share}
                  most={most}
                />
              </Table.Td>
              <Table.Td ta="right">{percent(row.current_share)}</Table.Td>
              <Table.Td ta="right">{percent(row.target_share)}</Table.Td>
              <Table.Td ta="right">{percent(row.planned_share)}</Table.Td>
              <Table.Td ta="right">{row.done.toLocaleString("en")}</Table.Td>
              <Table.Td ta="right">{Math.max(0, Math.round(lacking(row, doneObjects)))}</Table.Td>
              <Table.Td ta="right">{row.waiting.toLocaleString("en")}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {rows.length === 0 && (
        <Text c="dimmed" ta="center" py="md">
          No category matches.
        </Text>
      )}
    </Paper>
  );
}
