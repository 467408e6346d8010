// An act of the diary in words: the clauses of its verb, filled with what was kept of it.
import { useCallback } from "react";
import { useSpeech } from "../i18n";
import { diary } from "../i18n/diary";
import { percent, yuan } from "./show";

type Detail = Record<string, unknown>;

/** Every verb that the diary has words for. */
export const VERBS = Object.keys(diary).filter((key) => key.startsWith("told.")).map((key) => key.slice("told.".length));

export function useTold(): (verb: string, detail: Detail) => string {
  const { t, name, language } = useSpeech();
  return useCallback((verb: string, detail: Detail) => {
    const said = (how: string, value: unknown): string => {
      const text = String(value);
      if (Array.isArray(value)) return value.map((one) => said(how === "list" ? "text" : how, one)).join(language === "zh" ? "、" : ", ");
      if (how === "yuan") return yuan(text);
      if (how === "fen") return yuan((Number(value) / 100).toFixed(2));
      if (how === "worth") return /\.\d{6}$/.test(text) ? percent(text) : yuan(text);
      if (how === "figure") return Number(value).toLocaleString("en-US");
      if (how === "share") return Number(value).toFixed(3);
      if (how === "yesno") return t(value ? "word.yes" : "word.no");
      if (how === "instant") return text.slice(0, 16).replace("T", " ");
      if (how === "id") return text.length > 18 ? `${text.slice(0, 8)}…${text.slice(-5)}` : text;
      return how === "text" ? text : name(how, text);
    };
    const whole = diary[`told.${verb}` as keyof typeof diary]?.[language];
    if (whole === undefined) return Object.entries(detail).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join("; ");
    const clauses = whole.split("|").map((clause) => {
      let kept = true;
      const text = clause.replace(/\{([\w.]+):(\w+)\}/g, (_, path: string, how: string) => {
        const value = path.split(".").reduce<unknown>((at, key) => (at as Detail | undefined)?.[key], detail);
        if (value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length)) kept = false;
        return said(how, value);
      });
      return kept ? text : "";
    });
    return clauses.filter(Boolean).join(language === "zh" ? "，" : ", ");
  }, [t, name, language]);
}
