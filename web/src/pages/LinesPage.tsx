// Reviews of credit lines: proposals that wait for a person, every change with its reasons and notice, how they spread, other parameters tried.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, App as AntApp, Button, Card, Empty, Grid, Modal, Space, Statistic, Table, Tabs, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { inChinese } from "../i18n/problems";
import { accountLink } from "../parts/AlertDetail";
import { Change } from "../parts/LineChange";
import { Listing, useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Sure } from "../parts/Sure";
import { Code, day, Id, moment, percent, yuan } from "../parts/show";
import { TryLines } from "../parts/TryLines";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

const TABS = ["queue", "changes", "picture"] as const;

export default function LinesPage() {
  const { t } = useSpeech();
  const state = useFilters();
  const tab = TABS.find((name) => name === state.values.tab) ?? "queue";
  return (
    <main className="page">
      <h1>{t("nav.lines")} <span className="muted" style={{ fontSize: 13, fontWeight: 400 }}>{t("line.new_draws")}</span></h1>
      <Summary />
      <Tabs
        activeKey={tab}
        onChange={(key) => state.set({ tab: key === "queue" ? undefined : key, page: undefined, direction: undefined, arm: undefined, status: undefined, what: undefined })}
        items={TABS.map((key) => ({ key, label: t(`line.tab_${key}`) }))}
      />
      {tab === "queue" ? <Queue /> : tab === "changes" ? <Changes /> : <Picture />}
    </main>
  );
}

const useSummary = () => useQuery({ queryKey: ["line-queue"], queryFn: () => body(api.GET("/api/line-queue")) });

function Summary() {
  const { t } = useSpeech();
  const query = useSummary();
  if (!query.data) return null;
  const data = query.data;
  const left = Object.entries(data.notices).filter(([status]) => status === "waiting" || status === "failed").reduce((sum, [, count]) => sum + count, 0);
  const tiles: [string, string | number, string][] = [
    [t("line.waiting"), data.waiting, ""],
    [t("line.reviews"), data.reviews, `${t("line.held_out")} ${data.held_out}`],
    [t("line.raises"), data.raises, ""],
    [t("line.lowers"), data.lowers, ""],
    [t("line.gain"), `¥${yuan(data.expected_gain)}`, ""],
    [t("line.notices"), data.notices.sent ?? 0, left ? t("line.notices_left", { count: left }) : ""],
  ];
  return (
    <div className="tiles">
      {tiles.map(([title, value, under]) => <Card key={title} size="small"><Statistic title={title} value={value} />{under && <span className="muted">{under}</span>}</Card>)}
    </div>
  );
}

function useColumns(onNotice: (row: Schema["LineChange"]) => void) {
  const { t, pick } = useSpeech();
  return [
    { title: t("field.on"), dataIndex: "on", render: (value: string) => <span style={{ whiteSpace: "nowrap" }}>{value}</span> },
    { title: t("account.one"), dataIndex: "borrower_id", render: (value: string) => <Id value={value} to={accountLink(value)} /> },
    { title: t("line.what"), render: (_: unknown, row: Schema["LineChange"]) => <><Tag>{t(row.new_rate === row.old_rate ? "line.what_limit" : "line.what_price")}</Tag><Change row={row} /></> },
    { title: t("field.reason"), render: (_: unknown, row: Schema["LineChange"]) => <div className="wrap">{row.reasons.map((reason, n) => <div key={n}>{pick(reason as { zh?: string; en?: string })}</div>)}</div> },
    { title: t("field.arm"), dataIndex: "arm", render: (value: string) => <Code group="arm" value={value} /> },
    { title: t("line.from"), render: (_: unknown, row: Schema["LineChange"]) => <span style={{ whiteSpace: "nowrap" }}>{day(row.rate_from ?? row.limit_from)}</span> },
    { title: t("line.notice"), render: (_: unknown, row: Schema["LineChange"]) => (row.status === "held" ? <span className="muted">{t("line.not_notified")}</span> : <Button type="link" size="small" style={{ padding: 0 }} onClick={() => onNotice(row)}>{row.notified_at ? `${t("line.notified")} ${day(row.notified_at)}` : t("line.notice")}</Button>) },
  ];
}

function Queue() {
  const { t, language } = useSpeech();
  const { message } = AntApp.useApp();
  const { may } = useSession();
  const wide = Grid.useBreakpoint().md ?? true;
  const [chosen, setChosen] = useState<string[]>([]);
  const [shown, setShown] = useState<Schema["LineChange"]>();
  const state = useFilters(50);
  const query = useQuery({
    queryKey: ["lines", "queue", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/lines", { params: { query: { ...state.query("what", "direction"), status: "proposed" } as never } })),
  });
  const act = useAct(
    ({ ids, approve }: { ids: string[]; approve: boolean }) => body(api.POST("/api/line-queue/decide", { params: { header: once() }, body: { change_ids: ids, approve } })),
    (done) => {
      setChosen([]);
      message.success(t("line.decided", { count: done.done }));
      for (const problem of done.refused.slice(0, 3)) message.warning(`${problem.value}: ${language === "zh" ? problem.zh || inChinese(problem.reason) : problem.reason}`, 6);
    },
  );
  const columns = useColumns(setShown);
  const decide = may("POST /api/line-queue/decide");
  return (
    <>
      {decide && (
        <Space style={{ marginBottom: 12 }} wrap>
          <Sure type="primary" question={t("sure.line_approve", { count: chosen.length })} disabled={!chosen.length} loading={act.isPending} onSure={() => act.mutate({ ids: chosen, approve: true })}>{t("line.approve_many", { count: chosen.length || "" })}</Sure>
          <Sure question={t("sure.line_refuse", { count: chosen.length })} disabled={!chosen.length} loading={act.isPending} onSure={() => act.mutate({ ids: chosen, approve: false })}>{t("line.refuse_many", { count: chosen.length || "" })}</Sure>
        </Space>
      )}
      <Wait query={query}>
        {(data) => (
          <Table
            size="small"
            rowKey={(row: Schema["LineChange"]) => row.change_id}
            dataSource={data.items}
            scroll={{ x: "max-content" }}
            locale={{ emptyText: <Empty description={t("line.none_waiting")} /> }}
            rowSelection={decide ? { selectedRowKeys: chosen, onChange: (keys) => setChosen(keys as string[]) } : undefined}
            pagination={{ current: state.page, pageSize: state.size, total: data.total, hideOnSinglePage: true, showSizeChanger: false, showTotal: (total) => t("list.total", { total }), onChange: (page) => { setChosen([]); state.set({ page: page > 1 ? String(page) : undefined }); } }}
            columns={[
              ...columns,
              ...(decide ? [{
                title: "", fixed: wide ? "end" as const : undefined, render: (_: unknown, row: Schema["LineChange"]) => (
                  <Space size={4}>
                    <Sure size="small" question={t("sure.line_approve", { count: 1 })} disabled={act.isPending} onSure={() => act.mutate({ ids: [row.change_id], approve: true })}>{t("line.approve")}</Sure>
                    <Sure size="small" question={t("sure.line_refuse", { count: 1 })} disabled={act.isPending} onSure={() => act.mutate({ ids: [row.change_id], approve: false })}>{t("line.refuse")}</Sure>
                  </Space>
                ),
              }] : []),
            ]}
          />
        )}
      </Wait>
      {shown && <NoticeOf row={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function Changes() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const [shown, setShown] = useState<Schema["LineChange"]>();
  const query = useQuery({
    queryKey: ["lines", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/lines", { params: { query: state.query("borrower_id", "arm", "direction", "status", "what") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  const columns = useColumns(setShown);
  return (
    <>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.change_id}
        filters={[
          { name: "status", label: t("line.status"), options: options("line_status", ["proposed", "approved", "in_force", "refused", "superseded", "held"]) },
          { name: "what", label: t("line.what"), options: [{ value: "limit", label: t("line.what_limit") }, { value: "price", label: t("line.what_price") }] },
          { name: "direction", label: t("line.direction"), options: options("direction", ["up", "down"]) },
          { name: "arm", label: t("field.arm"), options: options("arm", ["treated", "holdout"]) },
        ]}
        columns={[
          ...columns,
          { title: t("line.status"), dataIndex: "status", render: (value) => <Code group="line_status" value={value} /> },
          { title: t("line.decided_by"), render: (_, row) => (row.decided_by ? name("actor", row.decided_by) : "–") },
        ]}
      />
      {shown && <NoticeOf row={shown} onClose={() => setShown(undefined)} />}
    </>
  );
}

function NoticeOf({ row, onClose }: { row: Schema["LineChange"]; onClose: () => void }) {
  const { t, code, language } = useSpeech();
  const query = useQuery({ queryKey: ["line-notice", row.change_id], queryFn: () => body(api.GET("/api/line-queue/{change_id}/notice", { params: { path: { change_id: row.change_id } } })) });
  return (
    <Modal open title={t("line.notice_title")} footer={null} onCancel={onClose} width={640}>
      <Wait query={query}>
        {(data) => (
          <>
            <p className="muted">
              {row.status === "proposed" ? t("line.notice_would") : <>{code("notice_status", data.status)} {data.sent_at && moment(data.sent_at)} {data.detail}</>}
            </p>
            <Tabs
              defaultActiveKey={data.language ?? language}
              items={(["zh", "en"] as const).map((spoken) => ({
                key: spoken, label: spoken === "zh" ? "中文" : "English",
                children: <><strong>{data[spoken].subject}</strong><p style={{ whiteSpace: "pre-wrap", marginTop: 8 }}>{data[spoken].text}</p></>,
              }))}
            />
          </>
        )}
      </Wait>
    </Modal>
  );
}

function Picture() {
  const { t } = useSpeech();
  const query = useSummary();
  return (
    <Wait query={query}>
      {(data) => (
        <>
          <div className="pictures">
            <Card size="small" title={t("line.spread")}>
              <Chart label={t("line.spread")} height={260} option={{
                tooltip: { trigger: "axis" },
                legend: { top: 0 },
                xAxis: { type: "category", data: data.spread.map((bar, n) => `${percent(bar.low, 0)} – ${data.spread[n + 1] ? percent(data.spread[n + 1]?.low, 0) : ""}`), axisLabel: { rotate: 35, interval: 0, fontSize: 11 } },
                yAxis: { type: "value", minInterval: 1 },
                series: [
                  { name: t("line.raises"), type: "bar", stack: "all", color: "#7a9e7e", data: data.spread.map((bar) => bar.raised) },
                  { name: t("line.lowers"), type: "bar", stack: "all", color: "#d9822b", data: data.spread.map((bar) => bar.lowered) },
                ],
              }} />
            </Card>
            <Card size="small" title={t("line.prices")}>
              <Rows
                rowKey={(row) => row.to_pd}
                dataSource={data.prices}
                columns={[
                  { title: t("line.grade"), dataIndex: "to_pd", align: "right", render: (value) => percent(value, 0) },
                  { title: t("line.grade_price"), dataIndex: "rate", align: "right", render: (value) => percent(value) },
                  { title: t("line.lines"), dataIndex: "lines", align: "right" },
                  { title: t("line.between"), align: "right", render: (_, row) => (row.lines ? `${percent(row.low)} – ${percent(row.high)}` : "–") },
                  { title: t("line.rising"), dataIndex: "rising", align: "right" },
                  { title: t("line.closed"), dataIndex: "closed", align: "right" },
                ]}
              />
              {data.unfair.length
                ? <Alert type="error" title={t("line.unfair")} description={data.unfair.map((problem) => <div key={problem.where}>{problem.where} {problem.value}: {problem.reason}</div>)} style={{ marginTop: 8 }} />
                : <Alert type="success" title={t("line.fair")} style={{ marginTop: 8 }} />}
            </Card>
          </div>
          <Card size="small" title={t("line.try")}><TryLines /></Card>
        </>
      )}
    </Wait>
  );
}
