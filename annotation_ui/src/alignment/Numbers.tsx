import { type KeyboardEvent, useState } from "react";
import classes from "./Numbers.module.css";
import { POSE_FIELDS, type PoseField } from "./pose/fields";
import { UPRIGHT_FACING_CAMERA } from "./pose/pose";
import type { Stage } from "./scene/stage";
import type { AlignmentDesk } from "./task/desk";
import { useStage } from "./Viewports";

const DIGITS = { length: 4, degrees: 1 } as const;

interface Props {
  desk: AlignmentDesk;
  stage: Stage | null;
}

/** The pose in numbers, to read and to type. */
export function Numbers({ desk, stage }: Props) {
  const pose = useStage(stage, (now) => now.pose);
  const upright = stage?.upright ?? UPRIGHT_FACING_CAMERA;
  return (
    <div className={classes.numbers}>
      {POSE_FIELDS.map((field) => (
        <NumberInput
          key={field.name}
          field={field}
          value={pose && field.read(pose, upright)}
          onEnter={(value) => {
            const changed = pose && field.write(pose, value, upright);
            if (changed) desk.place(changed, "numbers");
          }}
        />
      ))}
    </div>
  );
}

/** Typed text counts with Enter or on leaving; Escape drops it. */
function NumberInput({
  field: { name, title, unit },
  value,
  onEnter,
}: {
  field: PoseField;
  value: number | null;
  onEnter: (value: number) => void;
}) {
  const [typed, setTyped] = useState<string | null>(null);
  const number = numberOf(typed);
  const take = () => {
    if (number !== null) onEnter(number);
    setTyped(null);
  };
  const onKeyDown = ({ key, currentTarget }: KeyboardEvent<HTMLInputElement>) => {
    if (key === "Enter") currentTarget.blur();
    if (key === "Escape") setTyped(null);
  };
  return (
    <label className={classes.field} title={title}>
      <span className={classes.name}>{name}</span>
      <span className={classes.box} data-bad={typed !== null && number === null}>
        <input
          className={classes.input}
          inputMode="decimal"
          aria-label={title}
          data-field={name}
          disabled={value === null}
          value={typed ?? (value === null ? "" : tidy(value, DIGITS[unit]))}
          onFocus={(event) => event.target.select()}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={take}
          onKeyDown={onKeyDown}
        />
        {unit === "degrees" && <span className={classes.unit}>°</span>}
      </span>
    </label>
  );
}

function numberOf(typed: string | null): number | null {
  const number = Number(typed?.replace(",", "."));
  return typed === null || typed.trim() === "" || !Number.isFinite(number) ? null : number;
}

/** So many places that a nudge shows, and no minus zero. */
function tidy(value: number, digits: number): string {
  return (Math.abs(value) < 10 ** -digits / 2 ? 0 : value).toFixed(digits);
}
