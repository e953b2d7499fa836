import { Table, Text, Title } from "@mantine/core";
import type { Results } from "../api/evaluations";
import classes from "./Evaluations.module.css";
import { ranked, winShare } from "./figures";

/** Who beat whom: of the votes that chose a side, the share that chose the row. */
export function WinMatrix({ results }: { results: Results }) {
  const order = ranked(results.contenders);
  return (
    <section aria-labelledby="matrix">
      <Title order={2} size="h4" id="matrix">
        Who beat whom
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        How often the row was chosen over the column; under it won, lost, equal. The winner of a round meets
        the next contender, so rates of two columns are not to be compared: the Elo is.
      </Text>
      <div className={classes.scrolls}>
        <Table className={classes.matrix} withRowBorders={false} horizontalSpacing={2} verticalSpacing={2}>
          <Table.Thead>
            <Table.Tr>
              <Table.Td />
              {order.map(({ name }) => (
                <Table.Th key={name} scope="col" title={name}>
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {order.map((row) => (
              <Table.Tr key={row.name}>
                <Table.Th scope="row" title={row.name}>
                  {row.name}
                </Table.Th>
                {order.map((column) => (
                  <Cell key={column.name} results={results} row={row.place} column={column.place} />
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </section>
  );
}

function Cell({ results, row, column }: { results: Results; row: number; column: number }) {
  if (row === column) return <Table.Td className={classes.self} />;
  const share = winShare(results, row, column);
  const won = results.wins[row]?.[column] ?? 0;
  const lost = results.wins[column]?.[row] ?? 0;
  const equal = results.ties[row]?.[column] ?? 0;
  const strength = share === null ? 0 : Math.round(Math.abs(share - 0.5) * 50);
  const hue =
    share !== null && share >= 0.5 ? "var(--mantine-primary-color-filled)" : "var(--mantine-color-yellow-7)";
  return (
    <Table.Td style={{ background: `color-mix(in srgb, ${hue} ${strength}%, transparent)` }}>
      <Text fw={600}>{share === null ? "–" : `${Math.round(100 * share)} %`}</Text>
      <Text size="xs">
        {won} · {lost} · {equal}
      </Text>
    </Table.Td>
  );
}
