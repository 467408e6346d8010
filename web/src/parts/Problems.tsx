// What the interface refused, place by place: where, what stood there, why, and how to mend it.
import { Alert } from "antd";
import type { Problem } from "../api/client";
import { useSpeech } from "../i18n";
import { inChinese } from "../i18n/problems";
import { cite } from "./cite";

export function Problems({ title, problems, type = "error" }: { title: string; problems: Problem[]; type?: "error" | "warning" }) {
  const { t, language } = useSpeech();
  const chinese = language === "zh";
  const said = (text: string) => (chinese ? inChinese(text) : text);
  return (
    <Alert
      type={type} showIcon role="alert" title={title} style={{ marginBottom: 12 }}
      description={(
        <ul className="files">
          {problems.map((problem, n) => (
            <li key={n}>
              {problem.where && <code title={t("problem.where")}>{problem.where}</code>}{problem.value && <> <span className="code" title={t("problem.value")}>{problem.value}</span></>}
              {(problem.where || problem.value) && (chinese ? "：" : ": ")}<span title={t("problem.reason")}>{chinese && problem.zh ? problem.zh : said(problem.reason)}</span>
              {problem.mend && <span className="muted" title={t("problem.mend")}>{chinese ? "；" : "; "}{said(problem.mend)}</span>}
              {problem.citation && <div className="muted citation">{cite(problem.citation, language)}</div>}
            </li>
          ))}
        </ul>
      )}
    />
  );
}
