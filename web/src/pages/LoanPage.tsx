// One loan: its state, its plan as it went, every entry of its journal, and all that was done about it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Descriptions, Form, Input, Modal, Table, Tabs, Timeline } from "antd";
import { useState } from "react";
import { useParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { Files } from "../parts/Files";
import { Code, day, Id, moment, percent, yuan } from "../parts/show";
import { Wait } from "../parts/Wait";

export default function LoanPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["loan", id],
    queryFn: () => body(api.GET("/api/loans/{loan_id}", { params: { path: { loan_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["LoanOut"] }) {
  const { t, code } = useSpeech();
  const state = data.state;
  return (
    <>
      <h1>
        {t("loan.one")} <Id value={data.loan_id} /> <Code group="loan" value={state.status} /> <Code group="bucket" value={state.bucket} />{" "}
        <Code group="class" value={state.grade} />
      </h1>
      <Repay data={data} />
      <div className="pictures">
        <Card size="small" title={t("loan.terms")}>
          <Descriptions size="small" column={2} items={[
            { label: t("field.borrower"), children: data.borrower.name ?? "–" },
            { label: t("field.region"), children: data.region },
            { label: t("field.principal"), children: yuan(data.principal) },
            { label: t("field.rate"), children: percent(data.rate) },
            { label: t("field.months"), children: data.months },
            { label: t("field.method"), children: code("method", data.method) },
            { label: t("field.drawn_on"), children: data.drawn_on },
            { label: "APR / " + t("loan.eff"), children: `${percent(state.apr)} / ${percent(state.eff)}` },
            { label: t("field.product"), children: code("product", data.product) },
            { label: t("field.application"), children: data.application_id ? <Id value={data.application_id} to={`/applications/${data.application_id}`} /> : "–" },
          ]} />
        </Card>
        <Card size="small" title={t("loan.state", { on: state.on })}>
          <Descriptions size="small" column={2} items={[
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
          { key: "events", label: t("loan.events"), children: <Events rows={data.events} /> },
          { key: "done", label: t("loan.done"), children: <Deeds data={data} /> },
          { key: "files", label: t("files.title"), children: <Files files={data.files} /> },
        ]} />
      </Card>
    </>
  );
}

function Schedule({ rows }: { rows: Schema["ScheduleRow"][] }) {
  const { t } = useSpeech();
  return (
    <>
      <Chart label={t("loan.schedule")} height={200} option={{
        tooltip: { trigger: "axis" },
        legend: { top: 0 },
        xAxis: { type: "category", data: rows.map((row) => row.due) },
        yAxis: { type: "value" },
        series: [
          { name: t("loan.paid"), type: "bar", stack: "all", color: "#7a9e7e", data: rows.map((row) => Number(row.paid_principal) + Number(row.paid_interest)) },
          { name: t("field.principal"), type: "bar", stack: "all", color: "#0f5257", data: rows.map((row) => Number(row.principal) - Number(row.paid_principal)) },
          { name: t("field.interest"), type: "bar", stack: "all", color: "#d9822b", data: rows.map((row) => Number(row.interest) - Number(row.paid_interest)) },
        ],
      }} />
      <Table
        size="small"
        pagination={false}
        scroll={{ x: "max-content" }}
        rowKey={(row) => row.n}
        dataSource={rows}
        columns={[
          { title: "#", dataIndex: "n" },
          { title: t("loan.due"), dataIndex: "due" },
          { title: t("loan.pay_by"), dataIndex: "pay_by" },
          { title: t("field.principal"), dataIndex: "principal", align: "right", render: yuan },
          { title: t("field.interest"), dataIndex: "interest", align: "right", render: yuan },
          { title: t("loan.paid_principal"), dataIndex: "paid_principal", align: "right", render: yuan },
          { title: t("loan.paid_interest"), dataIndex: "paid_interest", align: "right", render: yuan },
          { title: t("loan.penalty"), dataIndex: "penalty", align: "right", render: yuan },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="instalment" value={value} /> },
        ]}
      />
    </>
  );
}

function Journal({ rows }: { rows: Schema["EntryOut"][] }) {
  const { t, code } = useSpeech();
  const lines = rows.flatMap((entry) => entry.lines.map((line, n) => ({ ...line, entry, first: n === 0, span: n === 0 ? entry.lines.length : 0, key: `${entry.entry_id}/${n}` })));
  const merged = (row: (typeof lines)[number]) => ({ rowSpan: row.span });
  return (
    <Table
      size="small"
      pagination={{ pageSize: 30, hideOnSinglePage: true }}
      scroll={{ x: "max-content" }}
      rowKey={(row) => row.key}
      dataSource={lines}
      columns={[
        { title: t("journal.effective"), render: (_, row) => row.entry.effective, onCell: merged },
        { title: t("journal.known"), render: (_, row) => row.entry.known, onCell: merged },
        { title: t("journal.kind"), render: (_, row) => code("entry", row.entry.kind), onCell: merged },
        { title: t("journal.account"), dataIndex: "account", render: (value) => code("account", value) },
        { title: t("journal.debit"), dataIndex: "debit", align: "right", render: (value) => (value === "0.00" ? "" : yuan(value)) },
        { title: t("journal.credit"), dataIndex: "credit", align: "right", render: (value) => (value === "0.00" ? "" : yuan(value)) },
      ]}
    />
  );
}

function Events({ rows }: { rows: Schema["EventOut"][] }) {
  const { t, code } = useSpeech();
  return (
    <Table
      size="small"
      pagination={{ pageSize: 20, hideOnSinglePage: true }}
      rowKey={(row) => row.event_id}
      dataSource={rows}
      columns={[
        { title: t("journal.effective"), dataIndex: "effective_on" },
        { title: t("journal.known"), dataIndex: "known_on" },
        { title: t("journal.kind"), dataIndex: "kind", render: (value) => code("event", value) },
        { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
        { title: t("field.id"), dataIndex: "event_id", render: (value) => <Id value={value} /> },
      ]}
    />
  );
}

function Deeds({ data }: { data: Schema["LoanOut"] }) {
  const { t, code, pick } = useSpeech();
  const deeds = [
    ...data.alerts.map((row) => ({ at: row.at, node: <><Code group="severity" value={row.severity} /> {pick(row.evidence as never)}</> })),
    ...data.contacts.map((row) => ({ at: row.at, node: <>{code("action", row.channel)} <Code group="contact" value={row.status} /></> })),
    ...data.work.filter((row) => row.status === "open").map((row) => ({ at: row.at, node: <>{code("action", row.action)} · {pick(row.reason)}</> })),
    ...data.cases.map((row) => ({ at: row.opened_on, node: <>{t("loan.case")} <Id value={row.case_id} to={`/cases/${row.case_id}`} /> {code("procedure", row.procedure)} {yuan(row.claim)}</> })),
    ...data.disposals.map((row) => ({ at: row.on, node: <>{t("loan.disposal")} <Code group="disposal" value={row.kind} /> {yuan(row.value)} ({yuan(row.low)} – {yuan(row.high)})</> })),
  ].sort((a, b) => (a.at < b.at ? 1 : -1));
  if (!deeds.length) return <p className="muted">{t("loan.nothing_done")}</p>;
  return <Timeline style={{ marginTop: 12 }} items={deeds.slice(0, 80).map((deed) => ({ content: <><span className="muted">{moment(deed.at)}</span> {deed.node}</> }))} />;
}

function Repay({ data }: { data: Schema["LoanOut"] }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [key] = useState(() => crypto.randomUUID());
  const act = useMutation({
    mutationFn: (amount: string) =>
      body(api.POST("/api/loans/{loan_id}/repayments", {
        params: { path: { loan_id: data.loan_id }, header: { "Idempotency-Key": `${key}/${amount}` } }, body: { amount, source: "counter" },
      } as never)) as Promise<Schema["Repaid"]>,
    onSuccess: (done) => {
      setOpen(false);
      message.success(t("loan.repaid", { amount: done.amount, left: done.principal_outstanding }));
      return queries.invalidateQueries();
    },
    onError: (error) => message.error(error.message),
  });
  if (data.state.status === "settled" || data.state.status === "sold") return null;
  return (
    <>
      <Button style={{ marginBottom: 12 }} onClick={() => setOpen(true)}>{t("loan.repay")}</Button>
      <Modal open={open} title={t("loan.repay")} footer={null} onCancel={() => setOpen(false)} destroyOnHidden>
        <Form layout="vertical" onFinish={(values: { amount: string }) => act.mutate(values.amount)} initialValues={{ amount: data.state.overdue }}>
          <Form.Item name="amount" label={t("field.amount")} rules={[{ required: true, pattern: /^\d+(\.\d{1,2})?$/ }]}><Input prefix="¥" /></Form.Item>
          <Button type="primary" htmlType="submit" loading={act.isPending}>{t("loan.repay")}</Button>
        </Form>
      </Modal>
    </>
  );
}
