// One loan: its state, its plan as it went, every entry of its journal, and all that was done about it.
import { useQuery } from "@tanstack/react-query";
import { Button, Card, Space, Table, Tabs, Tag, Timeline } from "antd";
import { type ReactNode, useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import type { Key } from "../i18n/words";
import { Facts } from "../parts/Facts";
import { Files } from "../parts/Files";
import { Rows } from "../parts/Rows";
import { Code, day, Id, moment, percent, total, yuan } from "../parts/show";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";
import { ActDialog } from "./loan/ActDialog";
import { Acts } from "./loan/Acts";

export default function LoanPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["loan", id],
    queryFn: () => body(api.GET("/api/loans/{loan_id}", { params: { path: { loan_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["LoanOut"] }) {
  const { t, code, name } = useSpeech();
  const { may } = useSession();
  const state = data.state;
  return (
    <>
      <h1>
        {t("loan.one")} <Id value={data.loan_id} /> <Code group="loan_status" value={state.status} /> <Code group="bucket" value={state.bucket} />{" "}
        <Code group="class" value={state.grade} />
      </h1>
      <Space wrap style={{ marginBottom: 12 }}>
        <Acts loan={data} />
        <Link to="/loans">{t("list.back")}</Link>
      </Space>
      <div className="pictures">
        <Card size="small" title={t("loan.terms")}>
          <Facts items={[
            { label: t("field.borrower"), children: <Link to={`/accounts/${encodeURIComponent(data.borrower.borrower_id)}`}>{data.borrower.name ?? t("account.go")}</Link> },
            { label: t("field.region"), children: name("region", data.region) },
            { label: t("field.principal"), children: yuan(data.principal) },
            { label: t("field.rate"), children: percent(data.rate) },
            { label: t("field.months"), children: data.months },
            { label: t("field.method"), children: code("method", data.method) },
            { label: t("field.drawn_on"), children: data.drawn_on },
            { label: `${t("field.apr")} / ${t("loan.eff")}`, children: `${percent(state.apr)} / ${percent(state.eff)}` },
            { label: t("field.product"), children: name("product", data.product) },
            { label: t("field.application"), children: data.application_id ? <Id value={data.application_id} to={may("GET /api/applications") ? `/applications/${encodeURIComponent(data.application_id)}` : undefined} /> : "–" },
          ]} />
        </Card>
        <Card size="small" title={t("loan.state", { on: state.on })}>
          <Facts items={[
            { label: t("field.outstanding"), children: yuan(state.principal_outstanding) },
            { label: t("field.overdue"), children: yuan(state.overdue) },
            { label: t("loan.interest_due"), children: yuan(state.interest_due) },
            { label: t("loan.penalty_due"), children: yuan(state.penalty_due) },
            { label: t("loan.costs_due"), children: yuan(state.costs_due) },
            { label: t("loan.credit"), children: yuan(state.credit_balance) },
            { label: t("field.dpd"), children: state.dpd },
            { label: t("loan.provision"), children: yuan(state.provision) },
            { label: t("loan.next_due"), children: day(state.next_due) },
            { label: t("loan.payoff"), children: <strong>{yuan(state.payoff)}</strong> },
          ]} />
        </Card>
      </div>
      <Card size="small">
        <Tabs items={[
          { key: "schedule", label: t("loan.schedule"), children: <Schedule rows={data.schedule} /> },
          { key: "journal", label: t("loan.journal"), children: <Journal rows={data.journal} /> },
          { key: "events", label: t("loan.events"), children: <Events data={data} /> },
          { key: "done", label: t("loan.done"), children: <Deeds data={data} /> },
          { key: "files", label: t("files.title"), children: <Files files={data.files} /> },
        ]} />
      </Card>
    </>
  );
}

/** What is left of a part of an instalment, for the picture. */
function unpaid(whole: string, paid: string, waived: string): number {
  return Math.max(0, Math.round(100 * (Number(whole) - Number(paid) - Number(waived))) / 100);
}

function Schedule({ rows }: { rows: Schema["ScheduleRow"][] }) {
  const { t, code } = useSpeech();
  return (
    <>
      <Chart label={t("loan.schedule")} height={200} option={{
        tooltip: { trigger: "axis" },
        legend: { top: 0 },
        xAxis: { type: "category", data: rows.map((row) => row.due) },
        yAxis: { type: "value" },
        series: [
          { name: t("loan.paid"), type: "bar", stack: "all", color: "#7a9e7e", data: rows.map((row) => Number(row.paid_principal) + Number(row.paid_interest)) },
          { name: t("loan.unpaid_principal"), type: "bar", stack: "all", color: "#0f5257", data: rows.map((row) => unpaid(row.principal, row.paid_principal, row.waived_principal)) },
          { name: t("loan.unpaid_interest"), type: "bar", stack: "all", color: "#d9822b", data: rows.map((row) => unpaid(row.interest, row.paid_interest, row.waived_interest)) },
        ],
      }} />
      <Rows
        pagination={false}
        rowKey={(row) => row.n}
        dataSource={rows}
        columns={[
          { title: "#", dataIndex: "n" },
          ...(rows.some((row) => row.kind !== "instalment") ? [{ title: t("journal.kind"), dataIndex: "kind", render: (value: string) => code("row", value) }] : []),
          { title: t("loan.due"), dataIndex: "due" },
          { title: t("loan.pay_by"), dataIndex: "pay_by" },
          { title: t("field.principal"), dataIndex: "principal", align: "right", render: yuan },
          { title: t("field.interest"), dataIndex: "interest", align: "right", render: yuan },
          { title: t("loan.paid_principal"), dataIndex: "paid_principal", align: "right", render: yuan },
          { title: t("loan.paid_interest"), dataIndex: "paid_interest", align: "right", render: yuan },
          { title: t("loan.penalty"), dataIndex: "penalty", align: "right", render: yuan },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="instalment" value={value} /> },
        ]}
        summary={(shown) => (
          <Table.Summary.Row>
            <Table.Summary.Cell index={0} colSpan={rows.some((row) => row.kind !== "instalment") ? 4 : 3}><strong>{t("case.total")}</strong></Table.Summary.Cell>
            {(["principal", "interest", "paid_principal", "paid_interest", "penalty"] as const).map((part, n) => (
              <Table.Summary.Cell key={part} index={n + 1} align="right"><strong>{yuan(total(shown.map((row) => row[part])))}</strong></Table.Summary.Cell>
            ))}
            <Table.Summary.Cell index={6} />
          </Table.Summary.Row>
        )}
      />
    </>
  );
}

/** The entries, each with its lines under one another. */
function Journal({ rows }: { rows: Schema["EntryOut"][] }) {
  const { t, code } = useSpeech();
  const side = (amount: string) => (amount === "0.00" ? "\u00a0" : yuan(amount));
  return (
    <Rows<Schema["EntryOut"]>
      rowKey={(row) => row.entry_id}
      dataSource={rows}
      columns={[
        { title: t("journal.effective"), dataIndex: "effective" },
        { title: t("journal.known"), dataIndex: "known" },
        { title: t("journal.kind"), dataIndex: "kind", render: (value) => code("entry", value) },
        { title: t("journal.account"), render: (_, row) => row.lines.map((line, n) => <div key={n}>{code("account", line.account)}</div>) },
        { title: t("journal.debit"), align: "right", render: (_, row) => row.lines.map((line, n) => <div key={n}>{side(line.debit)}</div>) },
        { title: t("journal.credit"), align: "right", render: (_, row) => row.lines.map((line, n) => <div key={n}>{side(line.credit)}</div>) },
      ]}
      summary={() => (rows.length === 0 ? null : (
        <Table.Summary.Row>
          <Table.Summary.Cell index={0} colSpan={4}><strong>{t("case.total")}</strong></Table.Summary.Cell>
          {(["debit", "credit"] as const).map((of, n) => (
            <Table.Summary.Cell key={of} index={n + 1} align="right"><strong>{yuan(total(rows.flatMap((row) => row.lines.map((line) => line[of]))))}</strong></Table.Summary.Cell>
          ))}
        </Table.Summary.Row>
      ))}
    />
  );
}

/** What happened, newest last; what can be undone has its button. */
function Events({ data }: { data: Schema["LoanOut"] }) {
  const { t, code } = useSpeech();
  const { may } = useSession();
  const [undo, setUndo] = useState<Schema["EventOut"]>();
  const undone = new Set(data.events.map((row) => row.body.of as string | undefined));
  const may_undo = may("POST /api/loans/{loan_id}/events") && data.state.status !== "sold";
  return (
    <>
      <Rows
        rowKey={(row) => row.event_id}
        dataSource={data.events}
        locale={{ emptyText: t("list.empty") }}
        columns={[
          { title: t("journal.effective"), dataIndex: "effective_on" },
          { title: t("journal.known"), dataIndex: "known_on" },
          { title: t("journal.kind"), dataIndex: "kind", render: (value: string, row) => <>{code("event", value)} {undone.has(row.event_id) && <Tag>{t("act.reversed")}</Tag>}</> },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("diary.detail"), render: (_, row) => <More event={row} all={data.events} /> },
          { title: t("field.id"), dataIndex: "event_id", render: (value: string) => <Id value={value} /> },
          ...(may_undo ? [{
            title: "", render: (_: unknown, row: Schema["EventOut"]) => row.kind !== "reversal" && !undone.has(row.event_id) && <Button size="small" onClick={() => setUndo(row)}>{t("act.reversal")}</Button>,
          }] : []),
        ]}
      />
      {undo && <ActDialog loan={data} deed={{ kind: "reversal", of: undo }} onClose={() => setUndo(undefined)} />}
    </>
  );
}

/** What else an event says: how a prepayment changed the plan, which part was waived, how it was paid, what a reversal undid. */
function More({ event, all }: { event: Schema["EventOut"]; all: Schema["EventOut"][] }) {
  const { t, code, name } = useSpeech();
  const { mode, part, source, of } = event.body as Record<string, string | undefined>;
  const undone = all.find((each) => each.event_id === of);
  const said = [
    mode && t(mode === "reduce" ? "act.reduce" : "act.shorten"),
    part && t(`field.${part}` as Key),
    source && name("means", source),
    undone && t("act.reverses", { on: undone.effective_on, kind: code("event", undone.kind) }),
  ].filter(Boolean);
  return <span className="muted">{said.join(" · ")}</span>;
}

function Deeds({ data }: { data: Schema["LoanOut"] }) {
  const { t, code, pick } = useSpeech();
  const { may } = useSession();
  const caseLink = (id: string) => (may("GET /api/cases") ? `/cases/${encodeURIComponent(id)}` : undefined);
  const deeds: { key: string; at: string; what: ReactNode }[] = [
    ...data.alerts.map((row) => ({ key: row.alert_id, at: row.at, what: <>{t("loan.alert")} <Code group="severity" value={row.severity} /> {pick(row.evidence as Words)}</> })),
    ...data.contacts.map((row) => ({ key: row.contact_id, at: row.at, what: <>{t("loan.contact")} · {code("action", row.channel)} <Code group="contact" value={row.status} /></> })),
    ...data.promises.map((row) => ({ key: row.promise_id, at: row.made_at, what: <>{t("loan.promise", { on: row.due_on })} {yuan(row.amount)} <Code group="promise" value={row.status} /></> })),
    ...data.work.filter((row) => row.status === "open").map((row) => ({ key: row.item_id, at: row.at, what: <>{t("loan.work")} · {code("action", row.action)} · {pick(row.reason)}</> })),
    ...data.cases.map((row) => ({ key: row.case_id, at: row.opened_on, what: <>{t("loan.case")} <Id value={row.case_id} to={caseLink(row.case_id)} /> {code("procedure", row.procedure)} {yuan(row.claim)} <Code group="stage" value={row.stage} /></> })),
    ...data.disposals.map((row) => ({
      key: row.disposal_id, at: row.on,
      what: <>{t("loan.disposal")} <Code group="disposal" value={row.kind} /> {yuan(row.value)} ({yuan(row.low)} – {yuan(row.high)}) <Code group="disposal_status" value={row.status} /></>,
    })),
  ].sort((a, b) => (a.at < b.at ? 1 : -1));
  if (!deeds.length) return <p className="muted">{t("loan.nothing_done")}</p>;
  return <Timeline style={{ marginTop: 12 }} items={deeds.slice(0, 80).map((deed) => ({ key: deed.key, content: <><span className="muted">{moment(deed.at)}</span> {deed.what}</> }))} />;
}

type Words = { zh?: string; en?: string };
