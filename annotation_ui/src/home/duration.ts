/** Milliseconds as people say them: `0.8 s`, `41 s`, `2 min 30 s`. */
export function seconds(durationMs: number): string {
  const total = durationMs / 1000;
  if (total < 10) return `${total.toFixed(1)} s`;
  const whole = Math.round(total);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
