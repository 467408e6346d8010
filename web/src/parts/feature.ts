// Features as people read them: their names in words, amounts in yuan, shares in percent, never a raw number of fen or ppm.
import { useSpeech } from "../i18n";

export function useFeature() {
  const { t, name, pick } = useSpeech();
  const said = (value: unknown, feature: string): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "boolean") return t(value ? "word.yes" : "word.no");
    if (typeof value === "number") return figure(value, feature);
    return String(value);
  };
  const called = (feature: string) => name("feature", feature).replace(/^./, (letter) => letter.toUpperCase());
  /** A reason's sentence; one of a model without labels begins with the feature's code and range, which get their words and unit. */
  const reasonSaid = (reason: { zh: string; en: string; feature?: string | null }) => {
    const sentence = pick(reason);
    const feature = reason.feature;
    if (!feature || !sentence.startsWith(feature)) return sentence;
    const rest = sentence.slice(feature.length).replace(/^(\s*[:：]\s*)(< \S+|>= \S+|\[[^)]*\))/, (_, colon: string, range: string) => colon + rangeSaid(range, feature));
    return called(feature) + rest.replace(/^:(?=\S)/, "：");
  };
  return {
    /** The feature's name; one of an imported tape's own keeps its name. */
    called,
    said,
    reasonSaid,
  };
}

/** A number in the feature's own unit. */
export function figure(value: number, feature: string): string {
  if (feature.endsWith("_fen")) return (value / 100).toLocaleString("en-US", { maximumFractionDigits: 2 });
  if (feature.endsWith("_ppm")) return `${(value / 10_000).toLocaleString("en-US", { maximumFractionDigits: 2 })}%`;
  return value.toLocaleString("en-US", { maximumFractionDigits: 4 });
}

/** A range, of which a comma that follows it is no part. */
function rangeSaid(range: string, feature: string): string {
  const [, inside = range, after = ""] = /^(.*?)([,，]?)$/.exec(range) ?? [];
  return edges(inside, feature) + after;
}

/** A bin's label such as "[800000, 1.15e+06)" with its edges in the feature's own unit. */
export function edges(label: string, feature: string): string {
  return label.replace(/-?\d+(\.\d+)?(e[+-]?\d+)?/g, (number) => figure(Number(number), feature)).replace(">=", "≥");
}
