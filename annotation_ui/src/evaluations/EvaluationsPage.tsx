import {
  Alert,
  Anchor,
  Badge,
  Button,
  Group,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { useHash } from "@mantine/hooks";
import { useState } from "react";
import { type Evaluation, type EvaluationDetail, useEvaluation, useEvaluations } from "../api/evaluations";
import { useMe } from "../api/me";
import { seconds } from "../home/duration";
import { Header } from "../shell/Header";
import { EloPlot } from "./EloPlot";
import classes from "./Evaluations.module.css";
import { FiguresTable } from "./FiguresTable";
import { WinMatrix } from "./WinMatrix";

const REGISTER = "/admin/flywheel/evaluation/";

/** What votes said of the models: every evaluation that was registered, and one of them in full. */
export function EvaluationsPage() {
  const me = useMe();
  const evaluations = useEvaluations();
  const [hash, setHash] = useHash({ getInitialValueInEffect: false });
  const chosen = hash.slice(1) || evaluations.data?.[0]?.id || null;
  const detail = useEvaluation(chosen);
  const failure = evaluations.error ?? detail.error;
  return (
    <>
      <Header place="Evaluations" me={me.data} />
      <main className={classes.page}>
        <nav aria-label="Evaluations" className={classes.list}>
          {evaluations.data?.map((evaluation) => (
            <Entry
              key={evaluation.id}
              evaluation={evaluation}
              chosen={evaluation.id === chosen}
              onChoose={() => setHash(evaluation.id)}
            />
          ))}
          {evaluations.isPending && <Skeleton h={240} />}
          <Button component="a" href={REGISTER} variant="default" size="compact-md" mt="sm">
            {evaluations.data?.length === 0 ? "Register one…" : "Register another…"}
          </Button>
        </nav>
        <div className={classes.content}>
          {failure && (
            <Alert variant="outline" color="red" title="That did not work" role="alert" mb="md">
              <Group gap="md">
                {failure.message}
                <Button
                  variant="default"
                  size="compact-sm"
                  onClick={() => void Promise.all([evaluations.refetch(), detail.refetch()])}
                >
                  Try again
                </Button>
              </Group>
            </Alert>
          )}
          {evaluations.data?.length === 0 && <Nothing />}
          {detail.data ? <Detail evaluation={detail.data} /> : detail.isLoading && <Skeleton h={480} />}
        </div>
      </main>
    </>
  );
}

function Nothing() {
  return (
    <Stack gap="xs" maw={640}>
      <Title order={1} size="h4">
        No evaluation yet
      </Title>
      <Text>
        An evaluation compares checkpoints and generators by blind votes on a fixed set of targets. Freeze a
        set, register what will be compared, start it: people find it on their home page, and this page shows
        Elo with intervals while their votes come in.
      </Text>
    </Stack>
  );
}

function Entry({
  evaluation,
  chosen,
  onChoose,
}: {
  evaluation: Evaluation;
  chosen: boolean;
  onChoose: () => void;
}) {
  return (
    <button
      type="button"
      className={classes.entry}
      data-state={evaluation.state}
      aria-current={chosen ? "true" : undefined}
      onClick={onChoose}
    >
      <span className={classes.entryName} title={evaluation.name}>
        {evaluation.name}
      </span>
      <span className={classes.entryFacts}>
        {evaluation.state} · {evaluation.contenders.length} on {evaluation.set}
      </span>
    </button>
  );
}

function Detail({ evaluation }: { evaluation: EvaluationDetail }) {
  const [view, setView] = useState("plots");
  const { results } = evaluation;
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" wrap="nowrap" gap="md">
        <div className={classes.heading}>
          <Group gap="xs">
            <Title order={1} size="h4">
              {evaluation.name}
            </Title>
            <Badge variant="default" tt="none" fw={500}>
              {evaluation.state}
            </Badge>
            {!results.final && evaluation.state === "voting" && (
              <Badge variant="default" tt="none" fw={500}>
                preliminary
              </Badge>
            )}
          </Group>
          <Text size="sm" c="dimmed">
            Set {evaluation.set} · {evaluation.coloured ? "in colour" : "bare shapes"} · seeds{" "}
            {evaluation.seeds.join(", ")} · {evaluation.voters_per_item} voter
            {evaluation.voters_per_item === 1 ? "" : "s"} each · registered{" "}
            {new Date(evaluation.registered_at).toLocaleString("en-GB", {
              dateStyle: "medium",
              timeStyle: "short",
            })}
            {evaluation.registered_by && ` by ${evaluation.registered_by}`}
          </Text>
        </div>
        <Group gap="sm" wrap="nowrap">
          <SegmentedControl
            aria-label="Show as"
            size="sm"
            value={view}
            onChange={setView}
            data={[
              { value: "plots", label: "Plots" },
              { value: "table", label: "Table" },
            ]}
          />
          <Anchor size="sm" href={`/api/v1/evaluations/${evaluation.id}/`}>
            JSON
          </Anchor>
        </Group>
      </Group>
      {evaluation.state === "withdrawn" && (
        <Alert variant="outline" color="red" title="Withdrawn: not to be relied on">
          {evaluation.note}
        </Alert>
      )}
      {evaluation.state !== "withdrawn" && evaluation.note && <Text size="sm">Note: {evaluation.note}.</Text>}
      <Facts evaluation={evaluation} />
      {results.problem && (
        <Alert variant="outline" color="gray" title="No ratings yet">
          {results.problem}
        </Alert>
      )}
      {view === "table" ? (
        <FiguresTable results={results} />
      ) : (
        <div className={classes.plots}>
          {results.problem === "" && <EloPlot results={results} />}
          {results.vote_count > 0 && <WinMatrix results={results} />}
        </div>
      )}
    </Stack>
  );
}

function Facts({ evaluation: { results } }: { evaluation: EvaluationDetail }) {
  const { agreement } = results;
  const failed = results.contenders.reduce((sum, row) => sum + row.failed, 0);
  const facts: [string, string, string][] = [
    ["ballots", `${results.ballots_done} of ${results.ballots_wanted}`, "handed in"],
    ["votes", results.vote_count.toLocaleString("en"), `on ${results.target_count} targets`],
    [
      "agreement",
      agreement.share === null ? "–" : `${Math.round(100 * agreement.share)} %`,
      agreement.share === null
        ? "nobody compared the same yet"
        : `of ${agreement.compared} pairs seen by two`,
    ],
    ["time", results.median_vote_ms === null ? "–" : seconds(results.median_vote_ms), "a vote, median"],
    [
      "left chosen",
      results.left_share === null ? "–" : `${Math.round(100 * results.left_share)} %`,
      "of votes for a side",
    ],
    ["failed", failed.toString(), "candidates that could not be made"],
  ];
  return (
    <dl className={classes.facts}>
      {facts.map(([name, figure, says]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {figure}
            <span className={classes.says}>{says}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
