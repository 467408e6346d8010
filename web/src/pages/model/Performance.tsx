// How good the model is on rows it had not seen: ROC, KS, calibration, and where the points of today's applicants lie.
import { useQuery } from "@tanstack/react-query";
import { Card } from "antd";
import { api, body, type Schema } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { whisker } from "../../charts/intervals";
import { useSpeech } from "../../i18n";
import { Facts } from "../../parts/Facts";
import { figure3, type Metrics, metricsOf, withInterval } from "../../parts/metrics";
import { moment, percent } from "../../parts/show";
import { Wait } from "../../parts/Wait";

export function Performance({ data }: { data: Schema["ModelOut"] }) {
  const { t } = useSpeech();
  const metrics = metricsOf(data);
  const curves = metrics.curves;
  return (
    <>
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
          { label: t("model.brier"), children: withInterval(metrics.out_of_fold, "brier") },
          { label: t("model.slope"), children: figure3(metrics.out_of_fold?.calibration_slope) },
        ]} />
      </Card>
      <div className="pictures">
        {curves?.roc && <Card size="small" title={`${t("model.roc")} · AUC ${figure3(metrics.out_of_fold?.auc)}`}><Roc points={curves.roc} /></Card>}
        {curves?.ks && <Card size="small" title={`${t("model.ks")} · KS ${figure3(metrics.out_of_fold?.ks)}`}><Ks points={curves.ks} /></Card>}
        {metrics.calibration && <Card size="small" title={t("model.calibration")}><Calibration bands={metrics.calibration} /></Card>}
        <Card size="small" title={t("model.distribution")}><Distribution id={data.model_id} /></Card>
      </div>
    </>
  );
}

function Roc({ points }: { points: [number, number][] }) {
  const { t } = useSpeech();
  const share = { formatter: (value: number) => percent(value, 0) };
  return (
    <Chart label={t("model.roc")} option={{
      legend: { top: 0 },
      grid: { left: 8, right: 16, top: 32, bottom: 24, containLabel: true },
      xAxis: { type: "value", min: 0, max: 1, name: t("model.fpr"), nameLocation: "middle", nameGap: 26, axisLabel: share },
      yAxis: { type: "value", min: 0, max: 1, axisLabel: share },
      series: [
        { name: t("model.this"), type: "line", showSymbol: false, areaStyle: { opacity: 0.08 }, data: points },
        { name: t("model.by_chance"), type: "line", showSymbol: false, color: "#a8b2ae", lineStyle: { type: "dashed" }, data: [[0, 0], [1, 1]] },
      ],
    }} />
  );
}

/** Shares of events and of others below each probability; the widest gap is the KS. */
function Ks({ points }: { points: [number, number, number][] }) {
  const { t } = useSpeech();
  const gap = points.reduce((best, point) => (Math.abs(point[1] - point[2]) > Math.abs(best[1] - best[2]) ? point : best));
  return (
    <Chart label={t("model.ks")} option={{
      tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value, 1) },
      legend: { top: 0, data: [t("model.ks_good"), t("model.ks_bad")] },
      grid: { left: 8, right: 16, top: 32, bottom: 24, containLabel: true },
      xAxis: { type: "value", name: t("model.chance"), nameLocation: "middle", nameGap: 26, axisLabel: { formatter: (value: number) => percent(value, 0) } },
      yAxis: { type: "value", min: 0, max: 1, axisLabel: { formatter: (value: number) => percent(value, 0) } },
      series: [
        { name: t("model.ks_good"), type: "line", showSymbol: false, data: points.map(([chance, , good]) => [chance, good]) },
        { name: t("model.ks_bad"), type: "line", showSymbol: false, color: "#9e2b25", data: points.map(([chance, bad]) => [chance, bad]) },
        { name: "KS", type: "line", showSymbol: false, tooltip: { show: false }, color: "#d9822b", lineStyle: { type: "dashed", width: 2 }, data: [[gap[0], gap[1]], [gap[0], gap[2]]] },
      ],
    }} />
  );
}

function Calibration({ bands }: { bands: NonNullable<Metrics["calibration"]> }) {
  const { t } = useSpeech();
  return (
    <Chart label={t("model.calibration")} option={{
      tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value, 1) },
      legend: { top: 0, data: [t("model.seen"), t("model.predicted")] },
      xAxis: { type: "category", name: t("model.band"), data: bands.map((_, n) => n + 1) },
      yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
      series: [
        { name: t("model.seen"), type: "bar", color: "#9fb8b4", data: bands.map((band) => band.observed) },
        { name: t("model.predicted"), type: "line", color: "#0f5257", data: bands.map((band) => band.predicted) },
        { name: t("rival.interval"), type: "custom", z: 3, renderItem: whisker, encode: { x: 0, y: [1, 2] }, tooltip: { show: false }, data: bands.map((band, n) => [n, band.low, band.high]) },
      ],
    }} />
  );
}

function Distribution({ id }: { id: string }) {
  const { t } = useSpeech();
  const query = useQuery({
    queryKey: ["model", id, "drift"],
    queryFn: () => body(api.GET("/api/models/{model_id}/drift", { params: { path: { model_id: id } } })),
  });
  return (
    <Wait query={query}>
      {(drift) => (drift.rows === 0 ? <p className="muted">{t("drift.none")}</p> : (
        <Chart label={t("model.distribution")} option={{
          tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value, 1) },
          legend: { top: 0 },
          grid: { left: 8, right: 16, top: 32, bottom: 24, containLabel: true },
          xAxis: { type: "category", name: t("model.points_from"), nameLocation: "middle", nameGap: 26, data: drift.bands.map((band) => (band.from_points === null ? t("model.below") : `≥ ${band.from_points}`)) },
          yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
          series: [
            { name: t("model.then"), type: "bar", color: "#cfd8d4", data: drift.bands.map((band) => Number(band.then)) },
            { name: t("model.now"), type: "bar", color: "#0f5257", data: drift.bands.map((band) => Number(band.now)) },
          ],
        }} />
      ))}
    </Wait>
  );
}
