import classes from "./Curriculum.module.css";
import { percent } from "./shares";

interface Props {
  current: number;
  target: number;
  planned: number;
  /** The share that fills the whole width. */
  most: number;
}

/** Current as a bar, planned as a thinner one under it, target as a mark across both. */
export function Bars({ current, target, planned, most }: Props) {
  const width = (share: number) => `${Math.min(100, (100 * share) / (most || 1))}%`;
  return (
    <div
      className={classes.bars}
      role="img"
      aria-label={`current ${percent(current)}, target ${percent(target)}, planned ${percent(planned)}`}
    >
      <div className={classes.current} style={{ width: width(current) }} data-behind={current < target} />
      <div className={classes.planned} style={{ width: width(planned) }} />
      <div className={classes.target} style={{ left: width(target) }} />
    </div>
  );
}
