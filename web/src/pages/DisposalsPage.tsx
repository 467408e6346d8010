// What to do with a bad loan: its value by every road with the interval, the road that is recommended, and why.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App as AntApp, Card, Grid, Space, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { whisker } from "../charts/intervals";
import { useSpeech } from "../i18n";
import type { Key } from "../i18n/words";
import { cite } from "../parts/cite";
import { Listing, useFilters } from "../parts/Listing";
import { Paper } from "../parts/Paper";
import { Rows } from "../parts/Rows";
import { Code, Id, percent, yuan } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

interface Route {
  route: string;
  open: boolean;
  value: string;
  low: string;
  high: string;
  zh: string;
  en: string;
  citation?: string;
}

type Row = Schema["DisposalRow"];

export default function DisposalsPage() {
  const { t, code } = useSpeech();
  const { may } = useSession();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["disposals", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/disposals", { params: { query: state.query("kind", "status", "tape_id") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  const rows = query.data?.items ?? [];
  return (
    <main className="page">
      <h1>{t("nav.disposals")}</h1>
      {rows.length > 0 && (
        <Card size="small" title={t("disposal.picture")} style={{ marginBottom: 12 }}>
          <Picture rows={rows} />
        </Card>
      )}
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.disposal_id}
        extra={may("POST /api/disposals/tapes") && <MakeTape />}
        filters={[
          { name: "status", label: t("field.status"), options: options("disposal_status", ["proposed", "approved", "done", "superseded"]) },
          { name: "kind", label: t("disposal.kind"), options: options("disposal", ["hold", "restructure", "litigate", "writeoff", "sale"]) },
        ]}
        columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
          { title: t("disposal.kind"), dataIndex: "kind", render: (value) => <Code group="disposal" value={value} /> },
          { title: t("disposal.balance"), dataIndex: "balance", sorter: true, align: "right", render: yuan },
          { title: t("disposal.value"), dataIndex: "value", sorter: true, align: "right", render: (value) => <strong>{yuan(value)}</strong> },
          { title: t("disposal.interval"), align: "right", render: (_, row) => `${yuan(row.low)} – ${yuan(row.high)}` },
          { title: t("disposal.share"), align: "right", render: (_, row) => (Number(row.balance) ? percent(Number(row.value) / Number(row.balance), 1) : "–") },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="disposal_status" value={value} /> },
          { title: "", render: (_, row) => <CarryOut row={row} /> },
        ]}
        detail={(row) => <Roads row={row} />}
      />
    </main>
  );
}

/** The claims of this page: the balance, and of it what is expected, from low to high. */
function Picture({ rows }: { rows: Row[] }) {
  const { t, code } = useSpeech();
  const wide = Grid.useBreakpoint().md ?? true;
  const shown = [...rows].sort((a, b) => Number(b.balance) - Number(a.balance)).slice(0, wide ? 20 : 8);
  return (
    <Chart label={t("disposal.picture")} height={240} option={{
      tooltip: { trigger: "axis", valueFormatter: (value: number) => yuan(value.toFixed(2)) },
      legend: { top: 0, data: [t("disposal.balance"), t("disposal.value")] },
      xAxis: { type: "category", data: shown.map((row, n) => `${n + 1} ${code("disposal", row.kind)}`), axisLabel: { interval: 0, rotate: shown.length > 6 ? 40 : 0 } },
      yAxis: { type: "value" },
      series: [
        { name: t("disposal.balance"), type: "bar", color: "#cfd8d4", barGap: "-100%", z: 1, data: shown.map((row) => Number(row.balance)) },
        { name: t("disposal.value"), type: "bar", color: "#0f5257", z: 2, data: shown.map((row) => Number(row.value)) },
        {
          name: t("disposal.interval"), type: "custom", z: 3, data: shown.map((row, n) => [n, Number(row.low), Number(row.high)]),
          encode: { x: 0, y: [1, 2] }, tooltip: { show: false }, renderItem: whisker,
        },
      ],
    }} />
  );
}

function Roads({ row }: { row: Row }) {
  const { t, code, pick, language } = useSpeech();
  const detail = row.detail as { zh?: string; en?: string; clear?: boolean; recommended?: string; routes?: Route[] };
  return (
    <div style={{ maxWidth: 1000 }}>
      <p style={{ margin: "0 0 8px" }}>{pick(detail)} {detail.clear === false && <Tag color="gold">{t("disposal.unclear")}</Tag>}</p>
      <Rows<Route>
        rowKey={(road) => road.route}
        dataSource={detail.routes ?? []}
        pagination={false}
        columns={[
          { title: t("disposal.route"), dataIndex: "route", render: (value) => <>{code("disposal", value)} {value === detail.recommended && <Tag color="green">{t("disposal.recommended")}</Tag>}</> },
          { title: t("disposal.value"), align: "right", render: (_, road) => (road.open ? yuan(road.value) : <span className="muted">{t("disposal.closed")}</span>) },
          { title: t("disposal.interval"), align: "right", render: (_, road) => (road.open ? `${yuan(road.low)} – ${yuan(road.high)}` : "") },
          { title: t("field.reason"), render: (_, road) => <div className="wrap">{pick(road)}{road.citation && <div className="muted citation">{cite(road.citation, language)}</div>}</div> },
        ]}
      />
    </div>
  );
}

function CarryOut({ row }: { row: Row }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/disposals/{disposal_id}/carry-out", { params: { path: { disposal_id: row.disposal_id }, header }, body: {} })),
    () => message.success(t("disposal.carried_out")),
  );
  if (row.status !== "proposed" || row.kind === "sale" || !may("POST /api/disposals/{disposal_id}/carry-out")) return null;
  return (
    <Sure size="small" question={t(`sure.dispose_${row.kind}` as Key, { loan: row.loan_id, balance: yuan(row.balance), value: yuan(row.value), low: yuan(row.low), high: yuan(row.high) })} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("disposal.carry_out")}</Sure>
  );
}

function MakeTape() {
  const { t } = useSpeech();
  const [header, setHeader] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/disposals/tapes", { params: { header }, body: {} })),
    () => setHeader(once()),
  );
  return (
    <Space>
      <Sure question={t("sure.tape")} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("disposal.tape")}</Sure>
      {act.data && <Paper fileId={act.data.file_id} name={`${act.data.tape_id}.xlsx`}>XLSX</Paper>}
    </Space>
  );
}
