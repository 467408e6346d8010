// The figures that a model's fit left, read with care: an imported or older model may lack some.
export interface Judged {
  auc?: number;
  ks?: number;
  brier?: number;
  log_loss?: number;
  calibration_slope?: number;
  rows?: number;
  events?: number;
  intervals?: Record<string, [number, number]>;
}

/** Champion against challenger on the same rows, as the fit left it. */
export interface Compared {
  champion: Record<string, number>;
  challenger: Record<string, number>;
  difference: Record<string, { value: number; interval: [number, number]; better: string }>;
  verdict: string;
}

export interface Metrics {
  out_of_fold?: Judged;
  holdout?: Judged;
  against?: Judged | null;
  compared?: Compared;
  calibration?: { low: number; high: number; rows: number; observed: number; predicted: number }[];
  curves?: { roc?: [number, number][]; ks?: [number, number, number][] };
  features?: { name: string; gain?: number }[];
  warnings?: { code: string; column: string; en: string; zh: string }[];
}

export function metricsOf(model: { metrics: Record<string, unknown> }): Metrics {
  return model.metrics as Metrics;
}

export const figure3 = (value: number | string | undefined) => (value === undefined ? "–" : Number(value).toFixed(3));

/** A figure with its interval, such as "0.698 (0.617–0.791)". */
export function withInterval(judged: Judged | null | undefined, name: "auc" | "ks" | "brier" | "log_loss"): string {
  const value = judged?.[name];
  if (value === undefined) return "–";
  const interval = judged?.intervals?.[name];
  return interval ? `${value.toFixed(3)} (${interval[0].toFixed(3)}–${interval[1].toFixed(3)})` : value.toFixed(3);
}
