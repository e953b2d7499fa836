import { Paper, Table, Text, Title } from "@mantine/core";
import type { Me } from "../api/me";
import classes from "./Day.module.css";
import { seconds } from "./duration";
import { labelOf } from "./stages";

/** My own day and week: how much I did, and how long one took me, by stage. */
export function Day({ me }: { me: Me }) {
  const stages = Object.entries(me.stages);
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="day" className={classes.day}>
      <Title order={2} size="h4" id="day">
        My day
      </Title>
      {stages.length === 0 ? (
        <Text c="dimmed" mt="xs">
          Nothing done in the last seven days. Your figures appear here with your first task.
        </Text>
      ) : (
        <Table className={classes.table} verticalSpacing={4} horizontalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th aria-label="Stage" />
              <Table.Th>today</Table.Th>
              <Table.Th>median</Table.Th>
              <Table.Th>seven days</Table.Th>
              <Table.Th>median</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {stages.map(([stage, times]) => (
              <Row key={stage} label={labelOf(stage)} today={times.today} week={times.week} />
            ))}
          </Table.Tbody>
          {stages.length > 1 && (
            <Table.Tfoot>
              <Row label="all" today={me.today} week={me.week} />
            </Table.Tfoot>
          )}
        </Table>
      )}
    </Paper>
  );
}

function Row({ label, today, week }: { label: string; today: Me["today"]; week: Me["week"] }) {
  return (
    <Table.Tr>
      <Table.Th scope="row">{label}</Table.Th>
      <Table.Td className={classes.number}>{today.done}</Table.Td>
      <Table.Td className={classes.number}>{median(today)}</Table.Td>
      <Table.Td className={classes.number}>{week.done}</Table.Td>
      <Table.Td className={classes.number}>{median(week)}</Table.Td>
    </Table.Tr>
  );
}

function median(times: Me["today"]): string {
  return times.median_duration_ms === null ? "–" : seconds(times.median_duration_ms);
}
