// The figures that a model's fit left, read with care: an imported or older model may lack some.
export interface Judged {
  auc?: number;
  ks?: number;
  brier?: number;
  rows?: number;
  events?: number;
  intervals?: Record<string, [number, number]>;
}

export interface Metrics {
  out_of_fold?: Judged;
  holdout?: Judged;
  against?: Judged | null;
  calibration?: { low: number; high: number; rows: number; observed: number; predicted: number }[];
  curves?: { roc?: [number, number][] };
}

export function metricsOf(model: { metrics: Record<string, unknown> }): Metrics {
  return model.metrics as Metrics;
}

export const figure3 = (value: number | undefined) => (value === undefined ? "–" : value.toFixed(3));

/** A figure with its interval, such as "0.698 (0.617–0.791)". */
export function withInterval(judged: Judged | null | undefined, name: "auc" | "ks"): string {
  const value = judged?.[name];
  if (value === undefined) return "–";
  const interval = judged?.intervals?.[name];
  return interval ? `${value.toFixed(3)} (${interval[0].toFixed(3)}–${interval[1].toFixed(3)})` : value.toFixed(3);
}
