// Income as the bank flow shows it: month by month by payer, the verified income with its interval, and what is no income.
import { Alert, Card, Empty, Tag } from "antd";
import { useMemo } from "react";
import type { Problem } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { useSpeech } from "../../i18n";
import { Facts } from "../../parts/Facts";
import { Problems } from "../../parts/Problems";
import { Rows } from "../../parts/Rows";
import { percent, yuan } from "../../parts/show";

interface Payer {
  payer: string;
  kind: string;
  monthly: string;
  pay_day: number | null;
  counted: boolean;
  why: string;
  periods: Record<string, string>;
}

export interface IncomeReport {
  from: string;
  to: string;
  months: number;
  verified_income: string;
  interval: [string, string];
  volatility: string;
  declared_income: string | null;
  verified_to_declared: string | null;
  pay_day: number | null;
  sources: Payer[];
  excluded: Record<string, string>;
  circular_share: string;
  obligations: { monthly: string; open_lenders: string[]; rent: string };
  lowest_balance: string | null;
  warnings: { code: string; zh: string; en: string }[];
  refused_rows: Problem[];
}

export function Income({ report }: { report: IncomeReport | null | undefined }) {
  const { t, code, pick } = useSpeech();
  if (!report) return <Card size="small" title={t("income.title")}><Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("income.none")} /></Card>;
  const excluded = Object.entries(report.excluded);
  return (
    <Card size="small" title={t("income.title")}>
      <Facts items={[
        { label: t("cash.verified"), children: <><strong>{yuan(report.verified_income)}</strong> <span className="muted">({yuan(report.interval[0])}–{yuan(report.interval[1])})</span></> },
        { label: t("intake.declared"), children: yuan(report.declared_income) },
        { label: t("income.to_declared"), children: percent(report.verified_to_declared, 0) },
        { label: t("cash.volatility"), children: percent(report.volatility, 1) },
        { label: t("income.span"), children: <>{report.from} – {report.to} <span className="muted">{report.months} {t("cash.months_of_flow")}</span></> },
        { label: t("income.pay_day"), children: report.pay_day ?? t("income.no_pay_day") },
        { label: t("income.obligations"), children: <>{yuan(report.obligations.monthly)} <span className="muted">{report.obligations.open_lenders.length > 0 && `${t("income.lenders")}: ${report.obligations.open_lenders.join(", ")}`}</span></> },
        { label: t("income.rent"), children: yuan(report.obligations.rent) },
        { label: t("income.circular"), children: percent(report.circular_share, 1) },
        { label: t("income.lowest"), children: yuan(report.lowest_balance) },
      ]} />
      {report.warnings.map((warning) => <Alert key={warning.code + warning.en} type="warning" showIcon title={pick(warning)} style={{ marginBottom: 8 }} />)}
      {report.refused_rows.length > 0 && <Problems type="warning" title={t("income.refused", { n: report.refused_rows.length })} problems={report.refused_rows.slice(0, 20)} />}
      <Picture report={report} />
      <Rows<Payer>
        rowKey={(row) => `${row.payer} ${row.kind}`}
        dataSource={report.sources}
        pagination={{ pageSize: 8, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t("income.payer"), dataIndex: "payer", render: (value: string, row) => <div className="wrap">{value || "–"}<Why said={row.why} /></div> },
          { title: t("case.kind"), dataIndex: "kind", render: (value: string) => code("income_kind", value) },
          { title: t("income.monthly"), dataIndex: "monthly", align: "right", render: yuan },
          { title: t("income.counted"), dataIndex: "counted", render: (value: boolean) => <Tag color={value ? "green" : undefined}>{t(value ? "income.counted" : "income.not_counted")}</Tag> },
        ]}
      />
      {excluded.length > 0 && (
        <p className="tag-row" style={{ marginTop: 8 }}>{t("income.excluded")} {excluded.map(([kind, amount]) => <Tag key={kind}>{code("income_kind", kind)} {yuan(amount)}</Tag>)}</p>
      )}
    </Card>
  );
}

/** Why a payer counts; the interface says it in English. */
function Why({ said }: { said: string }) {
  const { language, code } = useSpeech();
  if (language !== "zh") return <div className="muted citation">{said}</div>;
  const paid = /^(\w+|does not recur)[,:] paid in (\d+) of (\d+) months$/.exec(said);
  const chinese = paid
    ? `${paid[1] === "does not recur" ? "不规律" : code("income_kind", paid[1])}，${paid[3]} 个月中有 ${paid[2]} 个月到账`
    : ({ "has stopped": "已停止", "too small to be counted on": "金额过小", "no recurring payer": "没有固定付款方" }[said] ?? said);
  return <div className="muted citation">{chinese}</div>;
}

const GREENS = ["#0f5257", "#3f8f86", "#7a9e7e", "#a9c5b0", "#4f7cac"];

function Picture({ report }: { report: IncomeReport }) {
  const { t } = useSpeech();
  const option = useMemo(() => {
    const month = (period: string) => period.replace(/^to /, "").slice(0, 7);
    const months = [...new Set(report.sources.flatMap((source) => Object.keys(source.periods).map(month)))].sort();
    const level = (name: string, value: string | null, style: object) => (value === null ? [] : [{
      name, type: "line", symbol: "none", data: months.map(() => Number(value)), ...style,
    }]);
    const shown = [...report.sources].sort((a, b) => Number(b.counted) - Number(a.counted) || Number(b.monthly) - Number(a.monthly)).slice(0, 6);
    return {
      legend: { top: 0, type: "scroll" }, grid: { left: 8, right: 16, top: 36, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", valueFormatter: (value: number | null) => (value === null || value === undefined ? "–" : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })) },
      xAxis: { type: "category", data: months }, yAxis: { type: "value" },
      series: [
        ...shown.map((source, n) => {
          const paid = new Map<string, number>();
          for (const [period, amount] of Object.entries(source.periods)) paid.set(month(period), (paid.get(month(period)) ?? 0) + Number(amount));
          return {
            name: source.payer || "–", type: "bar", stack: "income", barMaxWidth: 44, itemStyle: { color: source.counted ? GREENS[n % GREENS.length] : "#cfd8d4" },
            data: months.map((one) => Math.round(100 * (paid.get(one) ?? 0)) / 100),
          };
        }),
        ...level(t("income.verified_line"), report.verified_income, { lineStyle: { color: "#d9822b", width: 2 }, itemStyle: { color: "#d9822b" } }),
        ...level(t("income.low_line"), report.interval[0], { lineStyle: { color: "#d9822b", type: "dotted" }, itemStyle: { color: "#e8b27d" } }),
        ...level(t("income.high_line"), report.interval[1], { lineStyle: { color: "#d9822b", type: "dotted" }, itemStyle: { color: "#e8b27d" } }),
        ...level(t("income.declared_line"), report.declared_income, { lineStyle: { color: "#9e2b25", type: "dashed" }, itemStyle: { color: "#9e2b25" } }),
      ],
    };
  }, [report, t]);
  if (!report.sources.length) return null;
  return <Chart label={t("income.picture")} height={240} option={option} />;
}
