// One model: its figures with their intervals, how well its probabilities fit, and the points it gives.
import { useQuery } from "@tanstack/react-query";
import { Alert, Card } from "antd";
import { Link, useParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { edges, useFeature } from "../parts/feature";
import { type Metrics, metricsOf, withInterval } from "../parts/metrics";
import { Rows } from "../parts/Rows";
import { Code, moment, percent } from "../parts/show";
import { Wait } from "../parts/Wait";

interface Bin {
  label: string;
  kind: string;
  rows: number;
  events: number;
  woe: number;
  iv: number;
}

interface Scored {
  input: { name: string; column: string };
  bins: { bins: Bin[] };
  points: number[];
}

export default function ModelPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["model", id],
    queryFn: () => body(api.GET("/api/models/{model_id}", { params: { path: { model_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["ModelOut"] }) {
  const { t, code, name } = useSpeech();
  const metrics = metricsOf(data);
  const card = data.body.scorecard as { features?: Scored[] } | undefined;
  return (
    <>
      <h1>{name("model_name", data.name)} · {code("model_kind", data.kind)} <Code group="model_status" value={data.status} /></h1>
      <p><Link to="/models">{t("list.back")}</Link></p>
      <Warnings data={data} />
      <Card size="small" style={{ marginBottom: 12 }}>
        <Facts items={[
          { label: t("model.fitted"), children: moment(data.fitted_at) },
          { label: t("model.rows"), children: `${metrics.out_of_fold?.rows ?? "–"} (${t("model.events")} ${metrics.out_of_fold?.events ?? "–"})` },
          { label: t("model.holdout_auc"), children: <strong>{withInterval(metrics.holdout, "auc")}</strong> },
          { label: t("model.holdout_ks"), children: <strong>{withInterval(metrics.holdout, "ks")}</strong> },
          { label: t("model.champion_auc"), children: withInterval(metrics.against, "auc") },
          { label: t("model.champion_ks"), children: withInterval(metrics.against, "ks") },
          { label: t("model.fit_auc"), children: withInterval(metrics.out_of_fold, "auc") },
          { label: t("model.fit_ks"), children: withInterval(metrics.out_of_fold, "ks") },
        ]} />
      </Card>
      <div className="pictures">
        {metrics.calibration && <Card size="small" title={t("model.calibration")}><Calibration bands={metrics.calibration} /></Card>}
        {metrics.curves?.roc && <Card size="small" title={t("model.roc")}><Roc points={metrics.curves.roc} /></Card>}
      </div>
      <Card size="small" title={t("model.points")}>
        {card?.features ? <Points features={card.features} /> : <p className="muted">{t("model.no_points")}</p>}
      </Card>
    </>
  );
}

/** What the fit warned of, each said once, and the columns that it could not use. */
function Warnings({ data }: { data: Schema["ModelOut"] }) {
  const { t, name } = useSpeech();
  const { called } = useFeature();
  const excluded = ((data.body.fitted as { excluded?: { column: string; why: string }[] } | undefined)?.excluded ?? []);
  const reasons = new Set(excluded.map((one) => one.why));
  const notes = [...new Set(data.note.split("; "))].filter((note) => note && !reasons.has(note));
  const left = [...reasons].map((why) => `${name("excluded", why)}: ${excluded.filter((one) => one.why === why).map((one) => called(one.column)).join(", ")}`);
  if (!notes.length && !left.length) return null;
  return <Alert type="warning" showIcon title={t("model.warnings")} description={[...notes, ...left].map((line) => <div key={line}>{line}</div>)} style={{ marginBottom: 12 }} />;
}

function Calibration({ bands }: { bands: NonNullable<Metrics["calibration"]> }) {
  const { t } = useSpeech();
  return (
    <Chart label={t("model.calibration")} option={{
      tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value, 1) },
      legend: { top: 0 },
      xAxis: { type: "category", name: t("model.band"), data: bands.map((_, n) => n + 1) },
      yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
      series: [
        { name: t("model.seen"), type: "bar", data: bands.map((band) => band.observed) },
        { name: t("model.predicted"), type: "line", data: bands.map((band) => band.predicted) },
      ],
    }} />
  );
}

function Roc({ points }: { points: [number, number][] }) {
  const { t } = useSpeech();
  return (
    <Chart label={t("model.roc")} option={{
      xAxis: { type: "value", min: 0, max: 1 },
      yAxis: { type: "value", min: 0, max: 1 },
      series: [
        { type: "line", showSymbol: false, data: points },
        { type: "line", showSymbol: false, lineStyle: { type: "dashed", color: "#a8b2ae" }, data: [[0, 0], [1, 1]] },
      ],
    }} />
  );
}

function Points({ features }: { features: Scored[] }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const rows = features.flatMap((feature) => {
    const seen = feature.bins.bins.reduce((sum, bin) => sum + bin.rows, 0);
    return feature.bins.bins.map((bin, n) => ({
      bin, n, feature: feature.input.name, points: feature.points[n] ?? 0, share: seen ? bin.rows / seen : 0, span: n === 0 ? feature.bins.bins.length : 0,
    }));
  });
  const label = (bin: Bin, feature: string) => {
    if (bin.kind === "missing") return t("model.missing");
    if (bin.kind === "other") return t("model.other");
    return bin.label === "any" ? t("model.any") : edges(bin.label, feature);
  };
  return (
    <Rows
      pagination={false}
      rowKey={(row) => `${row.feature}/${row.n}`}
      dataSource={rows}
      columns={[
        { title: t("field.feature"), render: (_, row) => called(row.feature), onCell: (row) => ({ rowSpan: row.span }) },
        { title: t("model.bin"), align: "right", render: (_, row) => label(row.bin, row.feature) },
        { title: t("model.points_of"), dataIndex: "points", align: "right", render: (value) => <strong>{value}</strong> },
        { title: t("model.share_of"), align: "right", render: (_, row) => percent(row.share, 1) },
        { title: t("model.event_rate"), align: "right", render: (_, row) => (row.bin.rows ? percent(row.bin.events / row.bin.rows, 1) : "–") },
        { title: t("model.woe"), align: "right", render: (_, row) => row.bin.woe.toFixed(2) },
        { title: t("model.iv"), align: "right", render: (_, row) => row.bin.iv.toFixed(4) },
      ]}
    />
  );
}
