import { Text, Title } from "@mantine/core";
import type { Results } from "../api/evaluations";
import classes from "./Evaluations.module.css";
import { along, axisOf, odds, ranked, signed } from "./figures";

/** Every contender on one axis of Elo: a mark, and the interval that holds it. */
export function EloPlot({ results }: { results: Results }) {
  const axis = axisOf(results.contenders);
  const at = (elo: number) => `${along(axis, elo)}%`;
  return (
    <section aria-labelledby="elo">
      <Title order={2} size="h4" id="elo">
        Elo against the baseline
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        95 % intervals over {results.target_count} targets; 400 points are 10 wins to 1 loss. Who cannot be
        told apart shares a rank.
      </Text>
      <div className={classes.plot}>
        {ranked(results.contenders).map((row) => (
          <div key={row.name} className={classes.plotRow}>
            <Text size="sm" className={classes.plotName} title={row.name}>
              <Text span c="dimmed" size="sm" className={classes.rank}>
                {row.rank ?? "–"}
              </Text>
              {row.name}
            </Text>
            <div
              className={classes.track}
              role="img"
              aria-label={
                row.elo === null
                  ? `${row.name}: not rated`
                  : `${row.name}: ${signed(row.elo)}, from ${signed(row.elo_low ?? 0)} to ${signed(row.elo_high ?? 0)}, rank ${row.rank}`
              }
            >
              {axis.ticks.map((tick) => (
                <span key={tick} className={classes.grid} style={{ left: at(tick) }} data-zero={tick === 0} />
              ))}
              {row.elo !== null && (
                <>
                  <span
                    className={classes.interval}
                    style={{
                      left: at(row.elo_low ?? row.elo),
                      width: `${along(axis, row.elo_high ?? row.elo) - along(axis, row.elo_low ?? row.elo)}%`,
                    }}
                  />
                  <span className={classes.mark} style={{ left: at(row.elo) }} data-baseline={row.baseline} />
                </>
              )}
            </div>
            <Text size="sm" ta="right" className={classes.figure}>
              {row.elo === null ? "–" : row.baseline ? "baseline" : signed(row.elo)}
            </Text>
            <Text size="sm" ta="right" c="dimmed" className={classes.figure}>
              {row.elo === null || row.baseline ? "" : odds(row.elo)}
            </Text>
          </div>
        ))}
        <div className={classes.plotRow} aria-hidden>
          <span />
          <div className={classes.ticks}>
            {axis.ticks.map((tick) => (
              <span key={tick} style={{ left: at(tick) }}>
                {signed(tick)}
              </span>
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}
