// Features as people read them: their names in words, amounts in yuan, shares in percent, never a raw number of fen or ppm.
import { useSpeech } from "../i18n";

export function useFeature() {
  const { t, name, pick, language } = useSpeech();
  const said = (value: unknown, feature: string): string => {
    if (value === null || value === undefined || value === "") return "–";
    if (typeof value === "boolean") return t(value ? "word.yes" : "word.no");
    if (typeof value === "number") return figure(value, feature);
    return String(value);
  };
  const called = (feature: string) => name("feature", feature).replace(/^./, (letter) => letter.toUpperCase());
  /** A reason's sentence; one of a model begins with the feature (its code where the model has no labels) and a range, which get word and unit. */
  const reasonSaid = (reason: { zh: string; en: string; feature?: string | null }) => {
    const sentence = pick(reason);
    const feature = reason.feature;
    if (!feature) return sentence;
    return sentence.replace(/^([^:：]+?)(\s*[:：]\s*)(< \S+|>= \S+|\[[^)]*\))/, (_, label: string, colon: string, range: string) =>
      (label === feature ? called(feature) : label) + (language === "zh" ? "：" : colon) + rangeSaid(range, feature));
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
