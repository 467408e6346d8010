// The book at a glance: what is out, what is late, how the months and the vintages run.
import { useQuery } from "@tanstack/react-query";
import { Card, Empty, Statistic } from "antd";
import { Link } from "react-router";
import { api, body, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { bigYuan, Id, inTenThousands, moment, percent } from "../parts/show";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export default function OverviewPage() {
  const { t } = useSpeech();
  const query = useQuery({ queryKey: ["overview"], queryFn: () => body(api.GET("/api/overview")), refetchInterval: 30_000 });
  return (
    <main className="page">
      <Wait query={query}>
        {(data) => (
          <>
            <h1>{t("nav.overview")} <span className="muted" style={{ fontSize: 14 }}>{data.as_of && t("overview.as_of", { on: data.as_of })}</span></h1>
            {data.as_of ? <Book data={data} /> : <Empty description={t("overview.nothing")} />}
          </>
        )}
      </Wait>
    </main>
  );
}

function Book({ data }: { data: Schema["Overview"] }) {
  const { t, code, name, language } = useSpeech();
  const { may } = useSession();
  const totals = data.totals;
  const money = (value: string) => bigYuan(value, language === "zh");
  const tiles: [string, string, string][] = [
    [t("overview.outstanding"), money(totals.outstanding), t("overview.of_loans", { active: totals.active, loans: totals.loans })],
    [t("overview.overdue_balance"), percent(totals.overdue_balance_ratio), money(totals.overdue_balance)],
    [t("overview.npl_class"), percent(totals.npl_ratio_class), money(totals.npl_class)],
    [t("overview.npl_90"), percent(totals.npl_ratio_90), money(totals.npl_90)],
    [t("overview.coverage"), percent(totals.provision_coverage, 0), money(totals.provision)],
  ];
  const doors: [string, number, string, string][] = [
    [t("overview.alerts"), totals.alerts_open, "/alerts?status=open", "GET /api/alerts"],
    [t("overview.work"), totals.work_open, "/work?status=open", "GET /api/work"],
    [t("overview.cases"), totals.cases_open, "/cases", "GET /api/cases"],
    [t("overview.missed"), totals.deadlines_missed, "/cases?missed=true", "GET /api/cases"],
    [t("overview.reviews_overdue"), totals.reviews_overdue, "/reviews", "GET /api/reviews"],
  ];
  return (
    <>
      <div className="tiles">
        {tiles.map(([title, value, under]) => (
          <Card key={title} size="small">
            <Statistic title={title} value={value} />
            <span className="muted">{under}</span>
          </Card>
        ))}
      </div>
      <div className="tiles">
        {doors.map(([title, value, to, door]) => {
          const card = <Card size="small" hoverable={may(door)}><Statistic title={title} value={value} /></Card>;
          return may(door) ? <Link key={title} to={to}>{card}</Link> : <div key={title}>{card}</div>;
        })}
      </div>
      <div className="pictures">
        <Card size="small" title={t("overview.ratios")}>
          <Chart label={t("overview.ratios")} option={{
            tooltip: { trigger: "axis", valueFormatter: (value: number) => percent(value) },
            legend: { top: 0 },
            xAxis: { type: "category", data: data.months.map((row) => row.as_of.slice(0, 7)) },
            yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
            series: [
              { name: t("overview.overdue_balance"), type: "line", data: data.months.map((row) => Number(row.overdue_balance_ratio)) },
              { name: t("overview.npl_class"), type: "line", data: data.months.map((row) => Number(row.npl_ratio_class)) },
              { name: t("overview.npl_90"), type: "line", lineStyle: { type: "dashed" }, data: data.months.map((row) => Number(row.npl_ratio_90)) },
            ],
          }} />
        </Card>
        <Card size="small" title={t("overview.balance")}>
          <Chart label={t("overview.balance")} option={{
            tooltip: { trigger: "axis" },
            xAxis: { type: "category", data: data.months.map((row) => row.as_of.slice(0, 7)) },
            yAxis: { type: "value" },
            series: [{ name: t("overview.outstanding"), type: "bar", data: data.months.map((row) => inTenThousands(row.outstanding)) }],
          }} />
        </Card>
        <Card size="small" title={t("overview.vintages")}>
          <Chart label={t("overview.vintages")} option={vintages(data.vintages, t("overview.mob"))} height={300} />
        </Card>
        <Card size="small" title={t("overview.buckets")}>
          <Chart label={t("overview.buckets")} height={300} option={{
            tooltip: { trigger: "axis" },
            xAxis: { type: "category", data: data.buckets.map((row) => code("bucket", row.bucket)), axisLabel: { interval: 0, width: 70, overflow: "break" } },
            grid: { left: 8, right: 16, top: 28, bottom: 8, containLabel: true },
            yAxis: { type: "value" },
            series: [{ name: t("overview.outstanding"), type: "bar", data: data.buckets.map((row) => inTenThousands(row.outstanding)), label: { show: true, position: "top" } }],
          }} />
        </Card>
        <Card size="small" title={t("overview.regions")}>
          <Chart label={t("overview.regions")} height={280} option={bars(data.regions, (value) => name("region", value), t("overview.outstanding"))} />
        </Card>
        <Card size="small" title={t("overview.products")}>
          <Chart label={t("overview.products")} height={280} option={bars(data.products, (value) => name("product", value), t("overview.outstanding"))} />
        </Card>
      </div>
      <Card size="small" title={t("overview.recent")}>
        <ul className="files">
          {[...data.recent].sort((a, b) => (a.at < b.at ? 1 : -1)).map((row) => (
            <li key={row.id} className="deadline">
              <span>{moment(row.at)} · {name("actor", row.actor)} · {code("verb", row.verb)}</span>
              {row.times > 1 ? <span className="muted">{t("overview.times", { times: row.times })}</span> : /^\d{4}-/.test(row.subject) ? <span className="muted">{row.subject}</span> : <Id value={row.subject} />}
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

/** One curve a month of drawing: the share of principal more than 30 days late, by months since drawing. */
function vintages(rows: Schema["VintageFigures"][], axis: string) {
  const months = [...new Set(rows.map((row) => row.drawn))].sort().slice(-12);
  const ages = [...new Set(rows.map((row) => row.age))].sort((a, b) => a - b);
  return {
    tooltip: { trigger: "axis", valueFormatter: (value: number) => (value === undefined ? "–" : percent(value)) },
    legend: { type: "scroll", top: 0 },
    grid: { left: 8, right: 16, top: 36, bottom: 30, containLabel: true },
    xAxis: { type: "category", data: ages, name: axis, nameLocation: "middle", nameGap: 24 },
    yAxis: { type: "value", axisLabel: { formatter: (value: number) => percent(value, 0) } },
    series: months.map((month) => ({
      name: month.slice(0, 7),
      type: "line",
      showSymbol: false,
      data: ages.map((age) => {
        const row = rows.find((one) => one.drawn === month && one.age === age);
        return row ? Number(row.over30_ratio) : null;
      }),
    })),
  };
}

/** The balance by group, with the NPL ratio at the end of each bar. */
function bars(rows: Schema["GroupFigures"][], name: (value: string) => string, title: string) {
  const sorted = [...rows].sort((a, b) => Number(a.outstanding) - Number(b.outstanding));
  return {
    tooltip: { trigger: "axis" },
    grid: { left: 8, right: 48, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "value" },
    yAxis: { type: "category", data: sorted.map((row) => name(row.name)) },
    series: [
      {
        name: title,
        type: "bar",
        data: sorted.map((row) => inTenThousands(row.outstanding)),
        label: { show: true, position: "right", formatter: (at: { dataIndex: number }) => percent(sorted[at.dataIndex]?.npl_ratio_class, 1) },
      },
    ],
  };
}
