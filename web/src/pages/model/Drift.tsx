// How far each month's applicants have moved from the people of the fit: the score's PSI, the features' CSI.
import { useQuery } from "@tanstack/react-query";
import { Card, Grid } from "antd";
import { api, body, type Schema } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { useSpeech } from "../../i18n";
import { useFeature } from "../../parts/feature";
import { figure3 } from "../../parts/metrics";
import { Rows } from "../../parts/Rows";
import { Code, percent } from "../../parts/show";
import { Wait } from "../../parts/Wait";

const WATCH = 0.1;
const MOVED = 0.25;
const MONTHS = 12;

export function Drift({ id }: { id: string }) {
  const { t } = useSpeech();
  const query = useQuery({
    queryKey: ["model", id, "drift"],
    queryFn: () => body(api.GET("/api/models/{model_id}/drift", { params: { path: { model_id: id } } })),
  });
  return <Wait query={query}>{(drift) => (drift.months.length ? <Told drift={drift} /> : <p className="muted">{t("drift.none")}</p>)}</Wait>;
}

function Told({ drift }: { drift: Schema["DriftOut"] }) {
  const { t } = useSpeech();
  const wide = Grid.useBreakpoint().md ?? true;
  const months = drift.months;
  const level = (name: string, at: number, color: string) => ({
    name, type: "line", showSymbol: false, color, lineStyle: { type: "dashed", width: 1 }, data: months.map(() => at),
  });
  return (
    <>
      <p className="muted">{t("drift.note", { rate: percent(drift.fitted_rate, 1) })}</p>
      <div className="pictures">
        <Card size="small" title={t("drift.psi")}>
          <Chart label={t("drift.psi")} option={{
            tooltip: { trigger: "axis", valueFormatter: (value: number) => value.toFixed(3) },
            legend: { top: 0, type: wide ? "plain" : "scroll" },
            grid: { left: 8, right: 16, top: wide ? 48 : 36, bottom: 8, containLabel: true },
            xAxis: { type: "category", data: months.map((one) => one.month) },
            yAxis: { type: "value", max: (range: { max: number }) => Math.max(0.3, Math.ceil(range.max * 10) / 10) },
            series: [
              { name: "PSI", type: "bar", color: "#0f5257", data: months.map((one) => ({ value: Number(one.psi), itemStyle: one.verdict === "thin" ? { color: "#cfd8d4" } : {} })) },
              { name: t("drift.by_chance"), type: "line", step: "middle", showSymbol: false, color: "#8d6a9f", data: months.map((one) => Number(one.chance)) },
              level(t("drift.watch"), WATCH, "#d9822b"),
              level(t("drift.moved"), MOVED, "#9e2b25"),
            ],
          }} />
        </Card>
        <Card size="small" title={t("drift.mean_pd")}>
          <Chart label={t("drift.mean_pd")} option={{
            tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value, 1) },
            xAxis: { type: "category", data: months.map((one) => one.month) },
            yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
            series: [{ name: t("drift.mean_pd"), type: "line", data: months.map((one) => Number(one.mean_pd)) }],
          }} />
        </Card>
      </div>
      <Months months={months} />
      <Card size="small" title={t("drift.csi")}><Features months={months.slice(-MONTHS)} /></Card>
    </>
  );
}

function Months({ months }: { months: Schema["MonthOut"][] }) {
  const { t } = useSpeech();
  return (
    <Card size="small" style={{ marginBottom: 12 }}>
      <Rows
        pagination={{ pageSize: MONTHS, hideOnSinglePage: true, showSizeChanger: false }}
        rowKey={(row) => row.month}
        dataSource={[...months].reverse()}
        columns={[
          { title: t("drift.month"), dataIndex: "month" },
          { title: t("drift.rows"), dataIndex: "rows", align: "right" },
          { title: "PSI", align: "right", render: (_, row) => Number(row.psi).toFixed(3) },
          { title: t("fair.verdict"), render: (_, row) => <Code group="drift_verdict" value={row.verdict} /> },
          { title: t("drift.mean_pd"), align: "right", render: (_, row) => percent(row.mean_pd, 1) },
        ]}
      />
    </Card>
  );
}

/** A row a feature, a column a month; the colour says watch or moved, grey too few. */
function Features({ months }: { months: Schema["MonthOut"][] }) {
  const { called } = useFeature();
  const { t } = useSpeech();
  const names = [...(months.at(-1)?.features ?? [])].sort((a, b) => a.name.localeCompare(b.name)).map((one) => one.name);
  const rows = names.map((name) => ({ name, of: new Map(months.map((one) => [one.month, one.features.find((feature) => feature.name === name)])) }));
  const tint: Record<string, string | undefined> = { watch: "#f6e3cf", moved: "#f0cfcb", thin: "#f1f3f2" };
  return (
    <Rows
      pagination={false}
      rowKey={(row) => row.name}
      dataSource={rows}
      columns={[
        { title: t("field.feature"), fixed: "left" as const, render: (_, row) => called(row.name) },
        ...months.map((one) => ({
          title: one.month,
          align: "right" as const,
          onCell: (row: (typeof rows)[number]) => ({ style: { background: tint[row.of.get(one.month)?.verdict ?? "calm"] } }),
          render: (_: unknown, row: (typeof rows)[number]) => figure3(row.of.get(one.month)?.csi),
        })),
      ]}
    />
  );
}
