import { Paper, Text, Title } from "@mantine/core";
import { useMemo, useState } from "react";
import type { CategoryShares } from "../api/curriculum";
import classes from "./Curriculum.module.css";
import { percent } from "./shares";

const HEIGHT = 140;

/** Every category as one bar, the largest first: how long the tail is, and where it lies under its target. */
export function LongTail({
  categories,
  onPick,
}: {
  categories: readonly CategoryShares[];
  onPick: (category: CategoryShares) => void;
}) {
  const [under, setUnder] = useState<CategoryShares | null>(null);
  const sorted = useMemo(
    () => [...categories].sort((a, b) => b.done - a.done || b.target_share - a.target_share),
    [categories],
  );
  const most = Math.max(
    ...sorted.map(({ current_share, target_share }) => Math.max(current_share, target_share)),
    1e-9,
  );
  const met = categories.filter(({ done }) => done > 0).length;
  const y = (share: number) => HEIGHT * (1 - Math.sqrt(share / most)); // a root, so that the tail can be seen
  const line = sorted.map(
    ({ target_share }, index) => `${index},${y(target_share)} ${index + 1},${y(target_share)}`,
  );
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="tail">
      <Title order={2} size="h4" id="tail">
        The long tail
      </Title>
      <Text size="sm" c="dimmed" className={classes.under} aria-live="polite">
        {under
          ? `${under.name}: ${under.done} done, ${percent(under.current_share)}; target ${percent(under.target_share)}; planned ${percent(under.planned_share)}`
          : `${met} of ${categories.length} categories have objects. Heights are square roots of shares; the line is the target.`}
      </Text>
      <svg
        className={classes.tail}
        viewBox={`0 0 ${sorted.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Objects per category, ${met} of ${categories.length} with objects`}
        onMouseLeave={() => setUnder(null)}
      >
        {sorted.map((category, index) => (
          // biome-ignore lint/a11y/noStaticElementInteractions: a shortcut for the mouse; the table's search does the same
          <g
            key={category.id}
            className={classes.column}
            onMouseEnter={() => setUnder(category)}
            onClick={() => onPick(category)}
          >
            <rect x={index} y={0} width={1} height={HEIGHT} fill="transparent" />
            <rect
              x={index + 0.1}
              y={y(category.current_share)}
              width={0.8}
              height={HEIGHT - y(category.current_share)}
              className={category.current_share < category.target_share ? classes.barBehind : classes.bar}
            />
          </g>
        ))}
        <polyline points={line.join(" ")} className={classes.line} />
      </svg>
    </Paper>
  );
}
