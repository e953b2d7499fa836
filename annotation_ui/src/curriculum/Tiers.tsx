import { Paper, Table, Text, Title } from "@mantine/core";
import type { TierShares } from "../api/curriculum";
import { Bars } from "./Bars";
import classes from "./Curriculum.module.css";
import { percent, TIER_NAMES } from "./shares";

/** The four tiers: what there is, what is wanted at this point of the way, what comes next. */
export function Tiers({ tiers }: { tiers: readonly TierShares[] }) {
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="tiers">
      <Title order={2} size="h4" id="tiers">
        By geometry
      </Title>
      <Legend />
      <Table verticalSpacing="xs" horizontalSpacing="sm" className={classes.tiers}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Tier</Table.Th>
            <Table.Th w="45%">Share</Table.Th>
            <Table.Th ta="right">Current</Table.Th>
            <Table.Th ta="right">Target</Table.Th>
            <Table.Th ta="right">Planned</Table.Th>
            <Table.Th ta="right">Done</Table.Th>
            <Table.Th ta="right">Waiting</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {tiers.map((row) => (
            <Table.Tr key={row.tier}>
              <Table.Td fw={600}>{TIER_NAMES[row.tier] ?? row.tier}</Table.Td>
              <Table.Td>
                <Bars
                  current={row.current_share}
                  target={row.target_share}
                  planned={row.planned_share}
                  most={1}
                />
              </Table.Td>
              <Table.Td ta="right">{percent(row.current_share)}</Table.Td>
              <Table.Td ta="right">{percent(row.target_share)}</Table.Td>
              <Table.Td ta="right">{percent(row.planned_share)}</Table.Td>
              <Table.Td ta="right">{row.done.toLocaleString("en")}</Table.Td>
              <Table.Td ta="right">{row.waiting.toLocaleString("en")}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

function Legend() {
  return (
    <div className={classes.legend} aria-hidden>
      <span className={classes.swatchCurrent} /> <Text size="sm">current, of objects done</Text>
      <span className={classes.swatchBehind} /> <Text size="sm">current, behind its target</Text>
      <span className={classes.swatchPlanned} /> <Text size="sm">planned, of the next work items</Text>
      <span className={classes.swatchTarget} /> <Text size="sm">target now</Text>
    </div>
  );
}
