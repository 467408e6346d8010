// What the borrower's cash flow carries, month by month: cash under stress, the equal instalment and the one shaped to it.
import { Card, Empty } from "antd";
import { useMemo } from "react";
import { Chart } from "../../charts/Chart";
import { useSpeech } from "../../i18n";
import { inChinese } from "../../i18n/problems";
import { Facts } from "../../parts/Facts";
import { percent, yuan } from "../../parts/show";

interface Plan {
  least_dscr?: string;
  mean_dscr?: string;
  instalments_below_floor?: number[];
  schedule?: { n: number; due: string; total: string; dscr: string }[];
  reason?: string;
}

export interface Affordability {
  amount: string;
  months: number;
  rate: string;
  dscr_floor: string;
  income_stress: string;
  cash: { month: string; income: string; stressed_income: string; living_costs: string; obligations: string; cfads: string }[];
  largest_instalment: string;
  affordable_amount: string;
  affordable_amount_sculpted: string;
  carried: boolean;
  equal_instalment: Plan;
  sculpted: Plan;
}

export function CashFlow({ found }: { found: Affordability | null | undefined }) {
  const { t, language } = useSpeech();
  if (!found) return <Card size="small" title={t("cash.title")}><Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("cash.none")} /></Card>;
  const { reason } = found.sculpted;
  return (
    <Card size="small" title={t("cash.title")}>
      <Facts items={[
        { label: t("cash.stress"), children: percent(found.income_stress, 1) },
        { label: t("cash.floor"), children: Number(found.dscr_floor).toFixed(2) },
        { label: t("cash.largest"), children: <strong>{yuan(found.largest_instalment)}</strong> },
        { label: t("cash.carries"), children: <span>{yuan(found.affordable_amount)} <span className="muted">({t("cash.sculpted")} {yuan(found.affordable_amount_sculpted)})</span></span> },
        { label: t("cash.equal_dscr"), children: ratio(found.equal_instalment.least_dscr) },
        { label: t("cash.sculpted_dscr"), children: reason ? <span className="muted">{language === "zh" ? inChinese(reason) : reason}</span> : ratio(found.sculpted.least_dscr) },
      ]} />
      <Picture found={found} />
      <p className={found.carried ? "good" : "bad"}>{t(found.carried ? "cash.is_carried" : "cash.is_not_carried", { amount: yuan(found.amount), months: found.months, rate: percent(found.rate) })}</p>
    </Card>
  );
}

function Picture({ found }: { found: Affordability }) {
  const { t } = useSpeech();
  const option = useMemo(() => {
    const months = found.cash.slice(0, Math.max(found.months, 1));
    const by = (plan: Plan) => {
      const due = new Map((plan.schedule ?? []).map((line) => [line.due.slice(0, 7), Number(line.total)]));
      return months.map((month) => due.get(month.month) ?? null);
    };
    const floor = Number(found.dscr_floor);
    return {
      legend: { top: 0 }, tooltip: { trigger: "axis", valueFormatter: (value: number | null) => (value === null ? "–" : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })) },
      xAxis: { type: "category", data: months.map((month) => month.month) }, yAxis: { type: "value" },
      series: [
        { name: t("cash.cfads"), type: "bar", itemStyle: { color: "#b9d3cf" }, data: months.map((month) => Number(month.cfads)) },
        { name: t("cash.most"), type: "line", symbol: "none", lineStyle: { type: "dashed", color: "#9e2b25" }, itemStyle: { color: "#9e2b25" }, data: months.map((month) => Math.round((Number(month.cfads) / floor) * 100) / 100) },
        { name: t("cash.equal"), type: "line", itemStyle: { color: "#d9822b" }, data: by(found.equal_instalment) },
        ...(found.sculpted.schedule ? [{ name: t("cash.sculpted"), type: "line", itemStyle: { color: "#0f5257" }, data: by(found.sculpted) }] : []),
      ],
    };
  }, [found, t]);
  return <Chart label={t("cash.picture")} height={260} option={option} />;
}

const ratio = (value: string | undefined) => (value === undefined ? "–" : Number(value).toFixed(2));
