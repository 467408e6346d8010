// One account in time: what went through it, what fell due and was paid, alerts, changes of the line, contacts and cases, on one axis.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Empty, Segmented, Space, Tabs } from "antd";
import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { type Telling, timelineOption } from "../charts/timeline";
import { useSpeech } from "../i18n";
import { alertLink } from "../parts/AlertDetail";
import { Facts } from "../parts/Facts";
import { Change } from "../parts/LineChange";
import { useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Code, Id, moment, percent, yuan } from "../parts/show";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

const MONTHS = [3, 6, 12, 24];

export default function AccountPage() {
  const { id = "" } = useParams();
  const state = useFilters();
  const months = MONTHS.find((count) => String(count) === state.values.months) ?? 6;
  const setMonths = (count: number) => state.set({ months: String(count) });
  const query = useQuery({
    queryKey: ["account", id, months],
    placeholderData: (before) => before,
    queryFn: () => body(api.GET("/api/accounts/{borrower_id}/timeline", { params: { path: { borrower_id: id }, query: { months } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} months={months} onMonths={setMonths} />}</Wait></main>;
}

function Whole({ data, months, onMonths }: { data: Schema["Timeline"]; months: number; onMonths: (months: number) => void }) {
  const { t, name } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const telling = useTelling();
  const option = useMemo(() => timelineOption(data, telling), [data, telling]);
  const bare = !data.instalments.length && !data.transactions.length && !data.alerts.length && !data.changes.length && !data.contacts.length && !data.spans.length && !data.payments.length;
  const overdue = data.loans.reduce((sum, loan) => sum + Number(loan.overdue), 0);
  const outstanding = data.loans.reduce((sum, loan) => sum + Number(loan.outstanding), 0);
  return (
    <>
      <h1>{t("account.one")} {data.borrower.name ?? ""} <Id value={data.borrower.borrower_id} /></h1>
      <Space wrap style={{ marginBottom: 12 }}>
        <Link to="/accounts">{t("list.back")}</Link>
        {data.limit !== null && may("POST /api/lines/{borrower_id}/review") && <Review id={data.borrower.borrower_id} />}
      </Space>
      <Card size="small" style={{ marginBottom: 12 }}>
        <Facts items={[
          { label: t("field.borrower"), children: `${data.borrower.name ?? "–"} · ${data.borrower.phone ?? "–"}` },
          { label: t("field.region"), children: name("region", data.borrower.region) },
          { label: t("account.limit"), children: yuan(data.limit) },
          { label: t("account.price"), children: percent(data.rate) },
          { label: t("field.outstanding"), children: yuan(outstanding.toFixed(2)) },
          { label: t("field.overdue"), children: <span className={overdue > 0 ? "bad" : undefined}>{yuan(overdue.toFixed(2))}</span> },
        ]} />
      </Card>
      <Card
        size="small"
        title={<>{t("account.timeline")} <span className="muted" style={{ fontWeight: 400 }}>{data.since} – {data.until}</span></>}
        style={{ marginBottom: 12 }}
      >
        <Segmented size="small" style={{ marginBottom: 8 }} value={months} options={MONTHS.map((value) => ({ value, label: t("account.months", { count: value }) }))} onChange={(value) => onMonths(Number(value))} />
        {data.transactions_hidden && <p className="muted">{t("account.hidden")}</p>}
        {bare
          ? <Empty description={t("account.empty")} />
          : <Chart label={t("account.timeline")} height={500} option={option} onPick={(picked) => { const to = (picked as { to?: string } | undefined)?.to; if (to) navigate(to); }} />}
      </Card>
      <Card size="small"><Details data={data} /></Card>
    </>
  );
}

function Review({ id }: { id: string }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [header, setHeader] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/lines/{borrower_id}/review", { params: { path: { borrower_id: id }, header } })),
    () => { setHeader(once()); message.success(t("account.reviewed")); },
  );
  return <Button size="small" loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("account.review")}</Button>;
}

function Details({ data }: { data: Schema["Timeline"] }) {
  const { t, code, name, pick } = useSpeech();
  const kind = (value: string) => name("event_kind", value);
  return (
    <Tabs items={[
      {
        key: "loans", label: `${t("account.loans")} (${data.loans.length})`,
        children: <Rows rowKey={(row) => row.loan_id} dataSource={data.loans} locale={{ emptyText: t("list.empty") }} columns={[
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
          { title: t("field.product"), dataIndex: "product", render: (value) => name("product", value) },
          { title: t("field.drawn_on"), dataIndex: "drawn_on" },
          { title: t("field.principal"), dataIndex: "principal", align: "right", render: yuan },
          { title: t("field.rate"), dataIndex: "rate", align: "right", render: (value) => percent(value) },
          { title: t("field.outstanding"), dataIndex: "outstanding", align: "right", render: yuan },
          { title: t("field.overdue"), dataIndex: "overdue", align: "right", render: yuan },
          { title: t("field.dpd"), dataIndex: "dpd", align: "right" },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="loan_status" value={value} /> },
        ]} />,
      },
      {
        key: "alerts", label: `${t("nav.alerts")} (${data.alerts.length})`,
        children: <Rows rowKey={(row) => row.alert_id} dataSource={[...data.alerts].reverse()} locale={{ emptyText: t("list.empty") }} columns={[
          { title: t("field.at"), dataIndex: "at", render: (value, row) => <Link to={alertLink(row.alert_id)}>{moment(value)}</Link> },
          { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
          { title: t("alert.evidence"), render: (_, row) => <div className="wrap">{pick(row.evidence as { zh?: string; en?: string })}</div> },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="alert_status" value={value} /> },
        ]} />,
      },
      {
        key: "changes", label: `${t("nav.lines")} (${data.changes.length})`,
        children: <Rows rowKey={(row) => row.change_id} dataSource={[...data.changes].reverse()} locale={{ emptyText: t("list.empty") }} columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("line.change"), render: (_, row) => <Change row={row} /> },
          { title: t("field.reason"), render: (_, row) => <div className="wrap">{row.reasons.map((reason, n) => <div key={n}>{pick(reason as { zh?: string; en?: string })}</div>)}</div> },
          { title: t("line.status"), dataIndex: "status", render: (value) => <Code group="line_status" value={value} /> },
        ]} />,
      },
      {
        key: "contacts", label: `${t("account.lane_contact")} (${data.contacts.length})`,
        children: <Rows rowKey={(row) => `${row.at} ${row.loan_id}`} dataSource={[...data.contacts].reverse()} locale={{ emptyText: t("list.empty") }} columns={[
          { title: t("field.at"), dataIndex: "at", render: moment },
          { title: t("work.action"), dataIndex: "channel", render: (value) => code("action", value) },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="contact" value={value} /> },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
        ]} />,
      },
      ...(data.transactions_hidden ? [] : [{
        key: "transactions", label: `${t("account.events")} (${data.transactions.length})`,
        children: <Rows rowKey={(row) => `${row.at} ${row.kind} ${row.amount} ${row.channel}`} dataSource={[...data.transactions].reverse()} locale={{ emptyText: t("list.empty") }} columns={[
          { title: t("field.at"), dataIndex: "at", render: moment },
          { title: t("journal.kind"), dataIndex: "kind", render: kind },
          { title: t("field.amount"), dataIndex: "amount", align: "right" as const, render: (value: string, row: Schema["Transaction"]) => (row.count > 1 ? `${yuan(value)} (${row.count})` : yuan(value)) },
        ]} />,
      }]),
    ]} />
  );
}

function useTelling(): Telling {
  const { t, code, name, pick, language } = useSpeech();
  return useMemo<Telling>(() => {
    const kind = (value: string) => name("event_kind", value);
    return {
      lanes: {
        application: t("account.lane_application"), due: `${t("account.due")} / ${t("account.paid")}`, trouble: t("account.lane_missed"), alert: t("account.lane_alert"),
        line: t("account.lane_line"), contact: t("account.lane_contact"), case: t("account.lane_case"),
      },
      moneyIn: t("account.money_in"), moneyOut: t("account.money_out"), limit: t("account.limit"), today: t("account.today"),
      say: {
        instalment: (row) => `${row.due} ${t("account.due")} ¥${yuan(row.amount)} · ${code("instalment", row.status)}`,
        payment: (row) => `${row.on} ${code("event", row.kind)} ¥${yuan(row.amount)}`,
        transaction: (row) => `${moment(row.at)} ${kind(row.kind)} ¥${yuan(row.amount)}`,
        alert: (row) => `${moment(row.at)} ${code("severity", row.severity)} · ${pick(row.evidence as { zh?: string; en?: string })}`,
        change: (row) => `${row.on} ${row.new_rate === row.old_rate ? `¥${yuan(row.old_limit)} → ¥${yuan(row.new_limit)}` : `${percent(row.old_rate)} → ${percent(row.new_rate)}`} · ${code("line_status", row.status)} · ${pick(row.reasons[0] as { zh?: string; en?: string })}`,
        contact: (row) => `${moment(row.at)} ${code("action", row.channel)} · ${code("contact", row.status)}`,
        span: (row) => `${row.begin} ${code("span", row.what)} ${row.what === "application" ? code("application_status", row.status) : row.what === "legal_case" ? `${code("procedure", row.detail)} ${code("stage", row.status)}` : row.what === "alert_case" ? code("case_status", row.status) : code("disposal", row.detail)}`,
      },
      link: {
        alert: (row) => alertLink(row.alert_id),
        loan: (loanId) => `/loans/${encodeURIComponent(loanId)}`,
        span: (row) => (row.what === "alert_case" ? alertLink(row.id) : row.what === "legal_case" ? `/cases/${encodeURIComponent(row.id)}` : row.what === "application" ? `/applications/${encodeURIComponent(row.id)}` : undefined),
      },
    };
    // the words change with the language only
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [language]);
}
