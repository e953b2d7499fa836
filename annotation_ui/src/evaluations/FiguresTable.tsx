import { Table } from "@mantine/core";
import type { Results } from "../api/evaluations";
import classes from "./Evaluations.module.css";
import { ranked, signed } from "./figures";

/** The same as numbers, with what the plots leave out: what failed, and what did not load. */
export function FiguresTable({ results }: { results: Results }) {
  return (
    <div className={classes.scrolls}>
      <Table verticalSpacing="xs" horizontalSpacing="sm" className={classes.figures}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th ta="right">Rank</Table.Th>
            <Table.Th>Contender</Table.Th>
            <Table.Th>Generator</Table.Th>
            <Table.Th>Checkpoint</Table.Th>
            <Table.Th ta="right">Elo</Table.Th>
            <Table.Th ta="right">95 %</Table.Th>
            <Table.Th ta="right">Won</Table.Th>
            <Table.Th ta="right">Lost</Table.Th>
            <Table.Th ta="right">Equal</Table.Th>
            <Table.Th ta="right">Made</Table.Th>
            <Table.Th ta="right">Failed</Table.Th>
            <Table.Th ta="right">Not loaded</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {ranked(results.contenders).map((row) => (
            <Table.Tr key={row.name}>
              <Table.Td ta="right">{row.rank ?? "–"}</Table.Td>
              <Table.Td fw={600}>
                {row.name}
                {row.baseline && " (baseline)"}
              </Table.Td>
              <Table.Td>{row.generator}</Table.Td>
              <Table.Td>{row.model_version ?? ""}</Table.Td>
              <Table.Td ta="right">{row.elo === null ? "–" : signed(row.elo)}</Table.Td>
              <Table.Td ta="right">
                {row.elo_low === null || row.elo_high === null
                  ? ""
                  : `${signed(row.elo_low)} … ${signed(row.elo_high)}`}
              </Table.Td>
              <Table.Td ta="right">{row.wins}</Table.Td>
              <Table.Td ta="right">{row.losses}</Table.Td>
              <Table.Td ta="right">{row.ties}</Table.Td>
              <Table.Td ta="right">{row.made}</Table.Td>
              <Table.Td ta="right">{row.failed}</Table.Td>
              <Table.Td ta="right">{row.load_failures}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
