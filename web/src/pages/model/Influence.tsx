// What moves the scores: each feature's part over the newest applications, and of trees also what they gained from it.
import { useQuery } from "@tanstack/react-query";
import { Card, Grid } from "antd";
import { api, body, type Schema } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { useSpeech } from "../../i18n";
import { useFeature } from "../../parts/feature";
import { metricsOf } from "../../parts/metrics";
import { Rows } from "../../parts/Rows";
import { percent } from "../../parts/show";
import { Wait } from "../../parts/Wait";

const SHOWN = 15;

export function Influence({ data }: { data: Schema["ModelOut"] }) {
  const { t } = useSpeech();
  const query = useQuery({
    queryKey: ["model", data.model_id, "influence"],
    queryFn: () => body(api.GET("/api/models/{model_id}/influence", { params: { path: { model_id: data.model_id } } })),
  });
  return (
    <Card size="small" title={t("model.influence")} style={{ marginBottom: 12 }}>
      <Wait query={query}>{(told) => (told.rows === 0 ? <p className="muted">{t("drift.none")}</p> : <Told told={told} gains={gainsOf(data)} />)}</Wait>
    </Card>
  );
}

function Told({ told, gains }: { told: Schema["InfluenceOut"]; gains: Map<string, number> }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const wide = Grid.useBreakpoint().md ?? true;
  const shown = told.features.slice(0, SHOWN);
  const push = (thirds: string[] | null) => (thirds ? thirds.map(Number).map((one) => (one >= 0 ? `+${one.toFixed(2)}` : `−${(-one).toFixed(2)}`)).join(" / ") : "–");
  return (
    <>
      <p className="muted">{t("model.influence_note", { rows: told.rows })}</p>
      <Chart label={t("model.influence")} height={40 + 22 * shown.length} option={{
        tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, valueFormatter: (value: number) => value.toFixed(3) },
        xAxis: { type: "value", splitNumber: wide ? 5 : 2 },
        yAxis: { type: "category", inverse: true, axisLabel: wide ? {} : { width: 130, overflow: "truncate" }, data: shown.map((one) => called(one.name)) },
        series: [{ name: t("model.size"), type: "bar", data: shown.map((one) => Number(one.mean_abs)) }],
      }} />
      <Rows
        rowKey={(row) => row.name}
        dataSource={told.features}
        columns={[
          { title: t("field.feature"), render: (_, row) => called(row.name) },
          { title: t("model.size"), align: "right", render: (_, row) => Number(row.mean_abs).toFixed(3) },
          { title: t("model.share"), align: "right", render: (_, row) => percent(row.share, 1) },
          ...(gains.size ? [{ title: t("model.gain"), align: "right" as const, render: (_: unknown, row: Schema["Influence"]) => percent(gains.get(row.name) ?? 0, 1) }] : []),
          { title: <span title={t("model.raises")}>{t("model.direction")}</span>, align: "right", render: (_, row) => push(row.thirds) },
        ]}
      />
    </>
  );
}

/** The share of all gain that the trees had from each feature; empty for a scorecard. */
function gainsOf(data: Schema["ModelOut"]): Map<string, number> {
  const rows = (metricsOf(data).features ?? []).filter((row) => row.gain !== undefined);
  const total = rows.reduce((sum, row) => sum + (row.gain ?? 0), 0);
  return new Map(total ? rows.map((row) => [row.name, (row.gain ?? 0) / total]) : []);
}
