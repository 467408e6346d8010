// An account on one axis of time: money above with the limit as a step line, below a lane for each sort of thing that happened.
import type { Schema } from "../api/client";

const MONEY_IN = new Set(["income", "salary", "transfer_in", "draw", "loan_elsewhere"]);
const MONEY_OUT = new Set(["purchase", "transfer_out", "cash_out", "gambling", "repayment"]);
const TROUBLE = new Set(["debit_failed", "due_missed", "partial_payment", "promise_broken", "contact_failed", "phone_changed", "device_new", "loan_query", "overdue_30"]);

const TONE = { good: "#7a9e7e", bad: "#9e2b25", warn: "#d9822b", calm: "#4f7cac", dark: "#0f5257", grey: "#8f9c98", violet: "#8d6a9f" };
const SEVERITY: Record<string, string> = { critical: TONE.bad, warning: TONE.warn, info: TONE.calm };

/** Words and links that the picture needs. */
export interface Telling {
  lanes: { application: string; due: string; trouble: string; alert: string; line: string; contact: string; case: string };
  moneyIn: string;
  moneyOut: string;
  limit: string;
  today: string;
  say: {
    instalment: (row: Schema["Instalment"]) => string;
    payment: (row: Schema["Payment"]) => string;
    transaction: (row: Schema["Transaction"]) => string;
    alert: (row: Schema["AlertRow"]) => string;
    change: (row: Schema["LineChange"]) => string;
    contact: (row: Schema["ContactPoint"]) => string;
    span: (row: Schema["Span"]) => string;
  };
  link: { alert: (row: Schema["AlertRow"]) => string; span: (row: Schema["Span"]) => string | undefined; loan: (loanId: string) => string };
}

interface Point {
  value: [string, string];
  text: string;
  to?: string;
  symbol?: string;
  symbolSize?: number;
  itemStyle: { color: string; borderColor?: string };
}

export function timelineOption(data: Schema["Timeline"], telling: Telling) {
  const { lanes, say, link } = telling;
  const order = [lanes.case, lanes.contact, lanes.line, lanes.alert, lanes.trouble, lanes.due, lanes.application];
  const point = (at: string, lane: string, color: string, text: string, more: Partial<Point> = {}): Point => ({ value: [at, lane], text, itemStyle: { color }, symbolSize: 9, ...more });
  const points: Point[] = [
    ...data.instalments.map((row) => point(row.due, lanes.due, due(row, data.on), say.instalment(row), { symbol: "rect", symbolSize: 10, to: link.loan(row.loan_id) })),
    ...data.payments.map((row) => point(row.on, lanes.due, TONE.dark, say.payment(row), { symbol: "triangle", symbolSize: 8, to: link.loan(row.loan_id) })),
    ...data.transactions.filter((row) => TROUBLE.has(row.kind)).map((row) => point(row.at, lanes.trouble, row.kind === "debit_failed" || row.kind === "due_missed" ? TONE.bad : TONE.warn, say.transaction(row), { symbol: "diamond", symbolSize: 10 })),
    ...data.alerts.map((row) => point(row.at, lanes.alert, SEVERITY[row.severity] ?? TONE.grey, say.alert(row), { symbol: "pin", symbolSize: row.severity === "critical" ? 22 : 17, to: link.alert(row) })),
    ...data.changes.map((row) => point(row.on, lanes.line, change(row), say.change(row), { symbol: "roundRect", symbolSize: 10 })),
    ...data.contacts.map((row) => point(row.at, lanes.contact, row.status === "answered" || row.status === "sent" ? TONE.good : row.status === "blocked" ? TONE.bad : TONE.grey, say.contact(row), { symbol: "circle" })),
    ...data.spans.map((row) => point(row.begin, row.what === "application" ? lanes.application : lanes.case, row.what === "legal_case" ? TONE.bad : row.what === "application" ? TONE.dark : TONE.violet, say.span(row), { symbol: "arrow", symbolSize: 12, to: link.span(row) })),
  ];
  const cases = data.spans.filter((row) => row.what === "alert_case" || row.what === "legal_case");
  const weeks = byWeek(data.transactions);
  const axis = { type: "time", min: data.since, max: data.until };
  return {
    legend: { top: 0, data: [telling.moneyIn, telling.moneyOut, telling.limit] },
    grid: [{ left: 96, right: 56, top: 34, height: 150 }, { left: 96, right: 56, top: 214, height: 34 * order.length }],
    xAxis: [{ ...axis, gridIndex: 0, axisLabel: { show: false } }, { ...axis, gridIndex: 1, axisLabel: { hideOverlap: true } }],
    yAxis: [
      { type: "value", gridIndex: 0 },
      { type: "value", gridIndex: 0, position: "right", splitLine: { show: false }, min: 0 },
      { type: "category", gridIndex: 1, data: order, axisTick: { show: false }, splitLine: { show: true }, axisLabel: { width: 84, overflow: "truncate" } },
    ],
    dataZoom: [{ type: "inside", xAxisIndex: [0, 1], filterMode: "none", zoomOnMouseWheel: "ctrl" }, { type: "slider", xAxisIndex: [0, 1], height: 18, bottom: 4, filterMode: "none" }],
    tooltip: {
      trigger: "item", confine: true,
      formatter: (at: { data?: { text?: string }; seriesName?: string; value?: unknown }) => at.data?.text ?? (Array.isArray(at.value) ? `${at.seriesName}: ${String(at.value[0]).slice(0, 10)} ¥${at.value[1]}` : ""),
    },
    series: [
      { name: telling.moneyIn, type: "bar", stack: "money", barMaxWidth: 10, color: TONE.good, xAxisIndex: 0, yAxisIndex: 0, data: weeks.map((week) => [week.on, week.in]) },
      { name: telling.moneyOut, type: "bar", stack: "money", barMaxWidth: 10, color: "#c98b86", xAxisIndex: 0, yAxisIndex: 0, data: weeks.map((week) => [week.on, -week.out]) },
      { name: telling.limit, type: "line", step: "end", showSymbol: false, color: TONE.dark, xAxisIndex: 0, yAxisIndex: 1, data: limits(data) },
      {
        type: "custom", xAxisIndex: 1, yAxisIndex: 2, data: cases.map((row) => ({ value: [row.begin, lanes.case, row.end ?? data.on], text: say.span(row), to: link.span(row), itemStyle: { color: row.what === "legal_case" ? "#e6c3c0" : "#ddd0e4" } })),
        renderItem: band, encode: { x: [0, 2], y: 1 },
      },
      {
        type: "scatter", xAxisIndex: 1, yAxisIndex: 2, data: points,
        markLine: { silent: true, symbol: "none", lineStyle: { color: TONE.grey, type: "dashed" }, label: { formatter: telling.today, position: "end", distance: 2 }, data: [{ xAxis: data.on }] },
      },
    ],
  };
}

function due(row: Schema["Instalment"], on: string): string {
  if (row.status === "paid") return TONE.good;
  if (row.status === "overdue" || (row.due < on && row.status === "due")) return TONE.bad;
  return row.due > on ? "#cfd8d5" : TONE.warn;
}

function change(row: Schema["LineChange"]): string {
  if (row.status === "held" || row.status === "refused" || row.status === "superseded") return TONE.grey;
  const better = Number(row.new_limit) > Number(row.old_limit) || Number(row.new_rate) < Number(row.old_rate);
  return better ? TONE.good : TONE.warn;
}

/** The limit as it stood: before the first change in sight its old value, then each that took hold, and today's. */
function limits(data: Schema["Timeline"]): [string, number][] {
  if (data.limit === null) return [];
  const moves = data.changes.filter((row) => row.status === "in_force" && row.new_limit !== row.old_limit);
  const first = moves[0];
  return [
    [data.since, Number(first ? first.old_limit : data.limit)],
    ...moves.map((row): [string, number] => [row.limit_from ?? row.on, Number(row.new_limit)]),
    [data.on, Number(data.limit)],
  ];
}

function byWeek(rows: Schema["Transaction"][]): { on: string; in: number; out: number }[] {
  const weeks = new Map<string, { on: string; in: number; out: number }>();
  for (const row of rows) {
    const into = MONEY_IN.has(row.kind);
    if (!into && !MONEY_OUT.has(row.kind)) continue;
    const day = new Date(`${row.at.slice(0, 10)}T00:00:00Z`);
    day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
    const on = day.toISOString().slice(0, 10);
    const week = weeks.get(on) ?? { on, in: 0, out: 0 };
    if (into) week.in += Number(row.amount);
    else week.out += Number(row.amount);
    weeks.set(on, week);
  }
  return [...weeks.values()].map((week) => ({ on: week.on, in: Math.round(100 * week.in) / 100, out: Math.round(100 * week.out) / 100 }));
}

interface Drawing {
  value: (place: number) => number;
  coord: (at: [number, number]) => [number, number];
  style: () => Record<string, unknown>;
}

function band(_: unknown, drawing: Drawing) {
  const [left, middle] = drawing.coord([drawing.value(0), drawing.value(1)]);
  const [right] = drawing.coord([drawing.value(2), drawing.value(1)]);
  return { type: "rect", shape: { x: left, y: middle - 6, width: Math.max(2, right - left), height: 12 }, style: drawing.style() };
}
