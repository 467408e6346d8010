// Features as people read them: their names in words, amounts in yuan, shares in percent, never a raw number of fen or ppm.
import { useSpeech } from "../i18n";

export function useFeature() {
  const { t, name } = useSpeech();
  const said = (value: unknown, feature: string): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "boolean") return t(value ? "word.yes" : "word.no");
    if (typeof value === "number") return figure(value, feature);
    return String(value);
  };
  return {
    /** The feature's name; one of an imported tape's own keeps its name. */
    called: (feature: string) => name("feature", feature).replace(/^./, (letter) => letter.toUpperCase()),
    said,
  };
}

/** A number in the feature's own unit. */
export function figure(value: number, feature: string): string {
  if (feature.endsWith("_fen")) return (value / 100).toLocaleString("en-US", { maximumFractionDigits: 2 });
  if (feature.endsWith("_ppm")) return `${(value / 10_000).toLocaleString("en-US", { maximumFractionDigits: 2 })}%`;
  return value.toLocaleString("en-US", { maximumFractionDigits: 4 });
}

/** A bin's label such as "[800000, 1.15e+06)" with its edges in the feature's own unit. */
export function edges(label: string, feature: string): string {
  return label.replace(/-?\d+(\.\d+)?(e[+-]?\d+)?/g, (number) => figure(Number(number), feature)).replace(">=", "≥");
}
