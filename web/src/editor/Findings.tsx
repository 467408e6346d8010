// What a check found, beside the nodes it is about: a click goes to the node.
import { Alert, Button, Empty, Tag } from "antd";
import type { Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { cite } from "../parts/cite";
import { useFeature } from "../parts/feature";
import type { Graph } from "../parts/GraphNode";

type Finding = Schema["PolicyFinding"];

const TONE: Record<string, string> = { error: "red", warning: "orange", info: "blue" };

interface Props {
  findings: Finding[];
  graph: Graph;
  onGo?: (node: string) => void;
}

export function Findings({ findings, graph, onGo }: Props) {
  const { t } = useSpeech();
  if (!findings.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("check.nothing")} />;
  const names = new Map((graph.nodes ?? []).map((node) => [node.id, node.name]));
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const node = finding.nodes[0] ?? "";
    groups.set(node, [...(groups.get(node) ?? []), finding]);
  }
  return (
    <div className="findings">
      {[...groups].map(([node, about]) => (
        <section key={node} aria-label={names.get(node) ?? t("check.whole")}>
          <strong>
            {onGo && node ? <Button type="link" size="small" onClick={() => onGo(node)}>{names.get(node) ?? node}</Button> : (names.get(node) ?? t("check.whole"))}
          </strong>
          {about.map((finding, n) => <One key={n} finding={finding} />)}
        </section>
      ))}
    </div>
  );
}

function One({ finding }: { finding: Finding }) {
  const { t, code, name, language } = useSpeech();
  const { called } = useFeature();
  const said = language === "zh" ? name("finding", finding.reason) : finding.reason;
  const place = finding.where.split(", ").slice(1).filter((part) => !part.startsWith("node "))
    .map((part) => part.replace(/^input (\w+)$/, (_, feature: string) => `${t("check.input")} ${called(feature)}`)).join(", ");
  return (
    <Alert
      type={finding.level === "error" ? "error" : finding.level === "warning" ? "warning" : "info"}
      title={<><Tag color={TONE[finding.level]}>{code("finding_level", finding.level)}</Tag>{language === "zh" && finding.zh ? finding.zh : said}</>}
      description={
        <>
          {place && <div className="citation">{place}</div>}
          {finding.value && <div className="code">{finding.value}</div>}
          {finding.mend && <div>{t("check.mend")} {language === "zh" ? name("mend", finding.mend) : finding.mend}</div>}
          {finding.citation && <div className="muted citation">{cite(finding.citation, language)}</div>}
        </>
      }
      style={{ marginBottom: 8 }}
    />
  );
}
