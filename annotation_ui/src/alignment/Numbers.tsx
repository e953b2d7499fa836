import { type KeyboardEvent, useRef, useState } from "react";
import classes from "./Numbers.module.css";
import { POSE_FIELDS, type PoseField } from "./pose/fields";
import { type Pose, UPRIGHT_FACING_CAMERA } from "./pose/pose";
import type { Stage } from "./scene/stage";
import type { AlignmentDesk } from "./task/desk";
import { useFollowing, useStage } from "./useStage";

const DIGITS = { length: 4, degrees: 1 } as const;

interface Props {
  desk: AlignmentDesk;
  stage: Stage | null;
}

/** The pose in numbers, to read and to type. */
export function Numbers({ desk, stage }: Props) {
  return (
    <div className={classes.numbers}>
      {POSE_FIELDS.map((field) => (
        <NumberInput key={field.name} field={field} desk={desk} stage={stage} />
      ))}
    </div>
  );
}

/** Typed text counts with Enter or on leaving; Escape drops it. What is not being typed in follows the object. */
function NumberInput({ field, desk, stage }: Props & { field: PoseField }) {
  const { name, title, unit } = field;
  const [typed, setTyped] = useState<string | null>(null);
  const empty = useStage(stage, ({ pose }) => pose === null);
  const input = useRef<HTMLInputElement>(null);
  const upright = () => stage?.upright ?? UPRIGHT_FACING_CAMERA;
  const show = (pose: Pose | null) => {
    const text = pose ? tidy(field.read(pose, upright()), DIGITS[unit]) : "";
    if (input.current && input.current.value !== text) input.current.value = text;
  };
  useFollowing(stage, ({ pose }) => {
    if (typed === null) show(pose);
  });

  const number = numberOf(typed);
  const take = () => {
    const pose = stage?.state().pose ?? null;
    const changed = pose && number !== null && field.write(pose, number, upright());
    if (changed) desk.place(changed, "numbers");
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
          ref={input}
          className={classes.input}
          inputMode="decimal"
          autoComplete="off"
          aria-label={title}
          data-field={name}
          disabled={empty}
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
