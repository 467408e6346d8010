// An error as a sentence: what could not be done, then the server's reasons, the law's own words first.
import { useCallback } from "react";
import { ApiError, type Problem } from "../api/client";
import { useSpeech } from "../i18n";
import { inChinese } from "../i18n/problems";
import { type Key, words } from "../i18n/words";

export function useExplain(): (error: unknown) => string {
  const { t, language } = useSpeech();
  return useCallback((error: unknown) => {
    if (!(error instanceof ApiError)) return t("error.offline");
    const key = `error.${error.status}`;
    const what = t((key in words ? key : "error.500") as Key);
    const told = error.status === 401 || error.status >= 500 ? [] : error.problems.slice(0, 5).map((problem) => reason(problem, language === "zh"));
    return told.length ? `${what}${language === "zh" ? "：" : ": "}${told.join(language === "zh" ? "；" : "; ")}` : what;
  }, [t, language]);
}

function reason(problem: Problem, chinese: boolean): string {
  if (chinese && problem.zh) return problem.citation ? `${problem.zh}（${problem.citation}）` : problem.zh;
  if (chinese) return [inChinese(problem.reason), problem.mend && inChinese(problem.mend)].filter(Boolean).join("，") + (problem.citation ? `（${problem.citation}）` : "");
  const cited = problem.citation ? ` (${problem.citation})` : "";
  const mend = problem.mend ? `, ${problem.mend}` : "";
  return `${problem.reason}${cited}${mend}`;
}
