/** The steps of an iteration in order, as the engine names them. */
export const STEPS = ["collecting", "freezing", "sft", "dpo", "evaluating", "promoting", "done"] as const;

export type StepState = "past" | "now" | "failed" | "ahead";

/** How each step of STEPS is shown while the iteration stands at `step`. */
export function stepStates({ step, failed }: { step: string; failed: boolean }): StepState[] {
  const current = STEPS.indexOf(step as (typeof STEPS)[number]);
  return STEPS.map((name, index) => {
    if (index < current || (name === "done" && index === current)) return "past";
    if (index > current) return "ahead";
    return failed ? "failed" : "now";
  });
}
