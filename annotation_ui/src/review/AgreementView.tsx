import {
  Alert,
  Button,
  Container,
  Group,
  NumberInput,
  Paper,
  Skeleton,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { useState } from "react";
import { type Agreement, type StageShares, useAgreement, useSetShares, useShares } from "../api/reviews";
import classes from "./Review.module.css";
import { measureName, PURPOSE_NAMES, percent, STAGE_NAMES } from "./words";

/** How well people agree, and how often they are asked the same. */
export function AgreementView() {
  const agreement = useAgreement();
  const shares = useShares();
  const failure = agreement.error ?? shares.error;
  return (
    <Container size="xl" py="md" component="main">
      <Stack gap="lg">
        {failure && (
          <Alert color="red" variant="outline" title="The server could not be asked" role="alert">
            {failure.message}
          </Alert>
        )}
        {agreement.data ? (
          <People agreement={agreement.data} />
        ) : (
          agreement.isPending && <Skeleton height={240} />
        )}
        {shares.data && (
          <Paper withBorder p="md" component="section" aria-labelledby="shares">
            <Title order={2} size="h4" id="shares">
              How often people are asked the same
            </Title>
            <Text size="sm" c="dimmed" mb="sm">
              Of every hundred judgements that collect: how many gold tasks their authors get, and how many
              somebody else repeats. Changes count from the next judgement on.
            </Text>
            <Stack gap="sm">
              {shares.data.map((one) => (
                <Shares key={`${one.stage} ${one.gold_share} ${one.overlap_share}`} shares={one} />
              ))}
            </Stack>
          </Paper>
        )}
      </Stack>
    </Container>
  );
}

function People({ agreement: { people, stages } }: { agreement: Agreement }) {
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="agreement">
      <Title order={2} size="h4" id="agreement">
        Agreement
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        The bar shows where the share lies with 95 % confidence, the line what was counted. Few comparisons
        say little: three of four may be anything from 30 to 95 %.
      </Text>
      {people.length === 0 ? (
        <Text c="dimmed">
          Nothing was compared yet. Set shares below, or ask somebody else about a judgement.
        </Text>
      ) : (
        <Table verticalSpacing={4} className={classes.people}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>person</Table.Th>
              <Table.Th>stage</Table.Th>
              <Table.Th>by</Table.Th>
              <Table.Th className={classes.number}>agree</Table.Th>
              <Table.Th className={classes.number}>share</Table.Th>
              <Table.Th>95 %</Table.Th>
              <Table.Th>means</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {stages.map((one) => (
              <Row key={`${one.stage} ${one.purpose}`} name="all" row={one}>
                {one.measures.map(({ name, mean }) => `${measureName(name)} ${mean.toFixed(2)}`).join(" · ")}
              </Row>
            ))}
            {people.map((one) => (
              <Row key={`${one.username} ${one.stage} ${one.purpose}`} name={one.username} row={one} />
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Paper>
  );
}

function Row({
  name,
  row,
  children,
}: {
  name: string;
  row: Agreement["people"][number] | Agreement["stages"][number];
  children?: string;
}) {
  const { low, high } = row.interval;
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={name === "all" ? 600 : 400}>
        {name}
      </Table.Th>
      <Table.Td>{STAGE_NAMES[row.stage as keyof typeof STAGE_NAMES] ?? row.stage}</Table.Td>
      <Table.Td>{PURPOSE_NAMES[row.purpose as keyof typeof PURPOSE_NAMES] ?? row.purpose}</Table.Td>
      <Table.Td className={classes.number}>
        {row.agreeing} of {row.compared}
      </Table.Td>
      <Table.Td className={classes.number}>{row.enough ? percent(row.share) : "too few"}</Table.Td>
      <Table.Td>
        <div className={classes.bar} role="img" aria-label={`between ${percent(low)} and ${percent(high)}`}>
          <div
            className={classes.interval}
            style={{ left: `${100 * low}%`, width: `${100 * (high - low)}%` }}
          />
          <div className={classes.share} style={{ left: `${100 * row.share}%` }} />
        </div>
      </Table.Td>
      <Table.Td>
        <Text size="sm" c="dimmed">
          {children}
        </Text>
      </Table.Td>
    </Table.Tr>
  );
}

function Shares({ shares }: { shares: StageShares }) {
  const set = useSetShares();
  const [gold, setGold] = useState<number | string>(100 * shares.gold_share);
  const [overlap, setOverlap] = useState<number | string>(100 * shares.overlap_share);
  const name = STAGE_NAMES[shares.stage];
  const changed = Number(gold) / 100 !== shares.gold_share || Number(overlap) / 100 !== shares.overlap_share;
  return (
    <Group gap="md" align="flex-end">
      <Text w="6rem">{name}</Text>
      <NumberInput
        size="xs"
        w="9rem"
        label="gold tasks"
        aria-label={`${name}: gold tasks in percent`}
        suffix=" %"
        min={0}
        max={100}
        value={gold}
        onChange={setGold}
      />
      <NumberInput
        size="xs"
        w="9rem"
        label="second opinions"
        aria-label={`${name}: second opinions in percent`}
        suffix=" %"
        min={0}
        max={100}
        value={overlap}
        onChange={setOverlap}
      />
      <Button
        size="xs"
        variant={changed ? "filled" : "default"}
        disabled={!changed}
        loading={set.isPending}
        onClick={() =>
          set.mutate({
            stage: shares.stage,
            gold_share: Number(gold) / 100,
            overlap_share: Number(overlap) / 100,
          })
        }
      >
        Save
      </Button>
      {set.error && (
        <Text size="sm" c="red" role="alert">
          {set.error.message}
        </Text>
      )}
    </Group>
  );
}
