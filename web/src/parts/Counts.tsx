import { useSpeech } from "../i18n";

/** Counts by kind of record, such as "loans 900 · events 4,682"; kinds without any are left out. */
export function Counts({ of }: { of: unknown }) {
  const { code } = useSpeech();
  const shown = Object.entries((of ?? {}) as Record<string, unknown>).filter((pair): pair is [string, number] => typeof pair[1] === "number" && pair[1] > 0);
  if (!shown.length) return <span className="muted">–</span>;
  return <>{shown.map(([kind, number]) => `${code("records", kind)} ${number.toLocaleString("en-US")}`).join(" · ")}</>;
}
