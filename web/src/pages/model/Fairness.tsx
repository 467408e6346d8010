// Are people of one age, sex or region approved, or misjudged, differently? The traits are read for this page alone.
import { useQuery } from "@tanstack/react-query";
import { Alert, Card } from "antd";
import { api, body, type Schema } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { whisker } from "../../charts/intervals";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { Rows } from "../../parts/Rows";
import { Code, percent } from "../../parts/show";
import { Wait } from "../../parts/Wait";

type Group = Schema["GroupOut"];

export function Fairness({ id }: { id: string }) {
  const { t, code } = useSpeech();
  const query = useQuery({
    queryKey: ["model", id, "fairness"],
    queryFn: () => body(api.GET("/api/models/{model_id}/fairness", { params: { path: { model_id: id } } })),
  });
  return (
    <Wait query={query}>
      {(told) => (
        <>
          {told.reads.length
            ? <Alert type="warning" showIcon title={t("fair.reads", { traits: told.reads.map((trait) => code("trait", trait)).join(", ") })} />
            : <Alert type="info" showIcon title={t("fair.note")} />}
          <p className="muted" style={{ marginTop: 12 }}>{t("fair.base", { decided: told.decided, outcomes: told.outcomes })}</p>
          {told.groups.length === 0 && <p className="muted">{t("fair.none")}</p>}
          {["age", "sex", "region"].map((trait) => {
            const groups = told.groups.filter((group) => group.trait === trait);
            return groups.length ? <Trait key={trait} trait={trait} groups={groups} /> : null;
          })}
        </>
      )}
    </Wait>
  );
}

function Trait({ trait, groups }: { trait: string; groups: Group[] }) {
  const { t, name } = useSpeech();
  const named = (group: Group) => (trait === "age" ? group.group.replace("-120", "+").replace("-", "–") : name(trait, group.group));
  const span = (one: Schema["Interval"], digits: number, part: boolean) => {
    if (one.value === null) return "–";
    const said = (value: string) => (part ? percent(value, digits) : Number(value).toFixed(digits));
    return one.low === null || one.high === null ? said(one.value) : `${said(one.value)} (${said(one.low)}–${said(one.high)})`;
  };
  const judged = groups.filter((group) => group.approval.value !== null);
  return (
    <Card size="small" title={t(`trait.${trait}` as Key)} style={{ marginBottom: 12 }}>
      {judged.length > 0 && (
        <div className="pictures">
          <Bars label={t("fair.approval")} groups={judged} named={named} of={(group) => group.approval} part />
          <Bars label={t("fair.ratio")} groups={judged} named={named} of={(group) => group.ratio} line={0.8} />
        </div>
      )}
      <Rows
        pagination={false}
        rowKey={(row) => row.group}
        dataSource={groups}
        columns={[
          { title: t("fair.group"), render: (_, row) => named(row) },
          { title: t("fair.decided"), dataIndex: "decided", align: "right" },
          { title: t("fair.approval"), align: "right", render: (_, row) => span(row.approval, 0, true) },
          { title: t("fair.ratio"), align: "right", render: (_, row) => span(row.ratio, 2, false) },
          { title: t("fair.verdict"), render: (_, row) => <Code group="fair_verdict" value={row.verdict} /> },
          { title: t("fair.outcomes"), dataIndex: "outcomes", align: "right" },
          { title: t("fair.default"), align: "right", render: (_, row) => span(row.default_rate, 1, true) },
          { title: t("fair.predicted"), align: "right", render: (_, row) => percent(row.predicted, 1) },
          { title: t("fair.calibration"), align: "right", render: (_, row) => span(row.calibration, 2, false) },
        ]}
      />
    </Card>
  );
}

interface BarsProps {
  label: string;
  groups: Group[];
  named: (group: Group) => string;
  of: (group: Group) => Schema["Interval"];
  part?: boolean;
  line?: number;
}

/** A bar a group with its interval; a dashed line where one is drawn. */
function Bars({ label, groups, named, of, part = false, line }: BarsProps) {
  const { t } = useSpeech();
  const said = (value: number) => (part ? percent(value, 0) : value.toFixed(2));
  const spans = groups.flatMap((group, n) => {
    const { low, high } = of(group);
    return low === null || high === null ? [] : [[n, Number(low), Number(high)]];
  });
  return (
    <Chart label={label} height={220} option={{
      tooltip: { trigger: "axis", valueFormatter: said },
      legend: { top: 0, data: line === undefined ? [label] : [label, t("fair.four_fifths")] },
      xAxis: { type: "category", data: groups.map(named) },
      yAxis: { type: "value", min: 0, ...(part ? { max: 1 } : {}), axisLabel: { formatter: said } },
      series: [
        { name: label, type: "bar", color: "#9fb8b4", barMaxWidth: 48, data: groups.map((group) => Number(of(group).value)) },
        { name: t("rival.interval"), type: "custom", z: 3, renderItem: whisker, encode: { x: 0, y: [1, 2] }, tooltip: { show: false }, data: spans },
        ...(line === undefined ? [] : [{ name: t("fair.four_fifths"), type: "line", showSymbol: false, color: "#9e2b25", lineStyle: { type: "dashed", width: 1 }, data: groups.map(() => line) }]),
      ],
    }} />
  );
}
