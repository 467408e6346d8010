// One application: what was decided and why, what could be offered, what the law says, and what would change it.
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Descriptions, InputNumber, List, Modal, Space, Table, Tag, Timeline } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Files } from "../parts/Files";
import { Code, Id, moment, percent, yuan } from "../parts/show";
import { Wait } from "../parts/Wait";

export default function ApplicationPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["application", id],
    queryFn: () => body(api.GET("/api/applications/{application_id}", { params: { path: { application_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, code, pick } = useSpeech();
  const decision = data.decisions[0];
  return (
    <>
      <h1>{t("application.one")} <Id value={data.application_id} /> <Code group="application" value={data.status} /></h1>
      <Acts data={data} />
      <div className="pictures">
        <Card size="small" title={t("application.asked")}>
          <Descriptions size="small" column={2} items={[
            { label: t("field.borrower"), children: data.borrower.name ?? "–" },
            { label: t("field.region"), children: data.borrower.region },
            { label: t("field.amount"), children: yuan(data.amount) },
            { label: t("field.months"), children: data.months },
            { label: t("field.product"), children: code("product", data.product) },
            { label: t("field.purpose"), children: code("purpose", data.purpose) || "–" },
            { label: t("field.channel"), children: code("channel", data.channel) },
            { label: t("field.applied_at"), children: moment(data.applied_at) },
            { label: t("field.lender_type"), children: code("lender", data.lender_type) },
            { label: t("field.loan"), children: data.loan_id ? <Id value={data.loan_id} to={`/loans/${data.loan_id}`} /> : "–" },
          ]} />
        </Card>
        {decision && (
          <Card size="small" title={<>{t("application.decision")} <Code group="outcome" value={decision.outcome} /></>}>
            <Descriptions size="small" column={2} items={[
              { label: t("field.points"), children: decision.points ?? "–" },
              { label: "PD", children: percent(decision.pd, 1) },
              { label: t("field.limit"), children: yuan(decision.limit) },
              { label: t("field.rate"), children: percent(decision.rate) },
              { label: t("field.decided_by"), children: code("role", decision.decided_by) },
              { label: t("field.decided_at"), children: moment(decision.decided_at) },
            ]} />
            <List
              size="small"
              header={<strong>{t("application.reasons")}</strong>}
              dataSource={decision.reasons}
              locale={{ emptyText: t("application.no_reasons") }}
              renderItem={(reason) => <List.Item>{pick(reason)}{reason.feature && <span className="muted">{reason.feature}</span>}</List.Item>}
            />
          </Card>
        )}
      </div>
      {decision && <Offers offers={decision.offers} />}
      <div className="pictures">
        {decision && (
          <Card size="small" title={t("application.law")}>
            <List
              size="small"
              dataSource={decision.law_checks}
              locale={{ emptyText: t("application.no_law") }}
              renderItem={(check) => (
                <List.Item>
                  <span><Tag color={check.ok ? "green" : "red"}>{check.ok ? "✓" : "✗"}</Tag>{pick(check)}</span>
                  <span className="muted">{check.citation}</span>
                </List.Item>
              )}
            />
          </Card>
        )}
        <WhatIf data={data} />
      </div>
      <div className="pictures">
        <Card size="small" title={t("application.features")}>
          <Table
            size="small"
            pagination={{ pageSize: 12, hideOnSinglePage: true }}
            rowKey={(row) => row.name}
            dataSource={Object.entries(data.features).map(([name, value]) => ({ name, value }))}
            columns={[
              { title: t("field.feature"), dataIndex: "name" },
              { title: t("field.value"), dataIndex: "value", align: "right", render: (value) => String(value ?? "–") },
            ]}
          />
        </Card>
        <Card size="small" title={t("application.history")}>
          <Timeline items={data.decisions.map((one) => ({
            content: <>{moment(one.decided_at)} <Code group="outcome" value={one.outcome} /> {code("role", one.decided_by)}
              <div className="muted">{t("application.versions", { policy: one.policy_version.slice(0, 10), model: one.model_id?.slice(0, 12) ?? "–", law: one.law_version.slice(0, 10) })}</div></>,
          }))} />
          <Files files={data.files} />
        </Card>
      </div>
    </>
  );
}

function Acts({ data }: { data: Schema["ApplicationOut"] }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const queries = useQueryClient();
  const path = { params: { path: { application_id: data.application_id } } };
  const act = useMutation({
    mutationFn: async (verb: "decide" | "sign" | "disburse") => {
      if (verb === "decide") return api.POST("/api/applications/{application_id}/decide", path as never);
      if (verb === "sign") return api.POST("/api/applications/{application_id}/sign", { ...path, body: { offer: 0 } } as never);
      return api.POST("/api/applications/{application_id}/disburse", path as never);
    },
    onSuccess: () => queries.invalidateQueries(),
    onError: (error) => message.error(error.message),
  });
  return (
    <Space style={{ marginBottom: 12 }}>
      {data.status === "new" && <Button type="primary" loading={act.isPending} onClick={() => act.mutate("decide")}>{t("application.decide")}</Button>}
      {data.status === "approved" && <Button loading={act.isPending} onClick={() => act.mutate("sign")}>{t("application.sign")}</Button>}
      {data.status === "signed" && <Button loading={act.isPending} onClick={() => act.mutate("disburse")}>{t("application.disburse")}</Button>}
      {data.status === "review" && <Review id={data.application_id} />}
      <Link to="/applications">{t("list.back")}</Link>
    </Space>
  );
}

function Review({ id }: { id: string }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const queries = useQueryClient();
  const [why, setWhy] = useState("");
  const [open, setOpen] = useState(false);
  const act = useMutation({
    mutationFn: (outcome: "approve" | "refuse") =>
      api.POST("/api/applications/{application_id}/review", { params: { path: { application_id: id } }, body: { outcome, reason: why } } as never),
    onSuccess: () => { setOpen(false); return queries.invalidateQueries(); },
    onError: (error) => message.error(error.message),
  });
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>{t("application.review")}</Button>
      <Modal open={open} title={t("application.review")} onCancel={() => setOpen(false)} footer={[
        <Button key="refuse" danger disabled={!why.trim()} loading={act.isPending} onClick={() => act.mutate("refuse")}>{t("outcome.refuse")}</Button>,
        <Button key="approve" type="primary" disabled={!why.trim()} loading={act.isPending} onClick={() => act.mutate("approve")}>{t("outcome.approve")}</Button>,
      ]}>
        <textarea aria-label={t("application.why")} placeholder={t("application.why")} rows={3} style={{ width: "100%" }} value={why} onChange={(event) => setWhy(event.target.value)} />
      </Modal>
    </>
  );
}

function Offers({ offers }: { offers: Schema["Offer"][] }) {
  const { t, code, pick } = useSpeech();
  if (!offers.length) return null;
  return (
    <Card size="small" title={t("application.offers")} style={{ marginBottom: 12 }}>
      <Table
        size="small"
        pagination={false}
        scroll={{ x: "max-content" }}
        rowKey={(row) => `${row.product}/${row.months}`}
        dataSource={offers}
        columns={[
          { title: t("field.product"), render: (_, row) => pick(row) },
          { title: t("field.method"), dataIndex: "method", render: (value) => code("method", value) },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("field.months"), dataIndex: "months", align: "right" },
          { title: t("field.rate"), dataIndex: "rate", align: "right", render: (value) => percent(value) },
          { title: "APR", dataIndex: "apr", align: "right", render: (value) => percent(value) },
          { title: t("field.instalment"), dataIndex: "largest_instalment", align: "right", render: yuan },
          { title: t("field.interest"), dataIndex: "total_interest", align: "right", render: yuan },
          { title: "DSCR", dataIndex: "dscr", align: "right", render: (value) => (value ? Number(value).toFixed(2) : "–") },
          { title: t("field.reason"), render: (_, row) => row.reasons.map((reason) => pick(reason as never)).join(language_join) },
        ]}
      />
    </Card>
  );
}

const language_join = " · ";

function WhatIf({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, pick } = useSpeech();
  const [amount, setAmount] = useState<number>(Number(data.amount));
  const [months, setMonths] = useState<number>(data.months);
  const ask = useMutation({
    mutationFn: () =>
      body(api.POST("/api/applications/{application_id}/what-if", {
        params: { path: { application_id: data.application_id } }, body: { amount: amount.toFixed(2), months, features: {} },
      } as never)) as Promise<Schema["WouldBe"]>,
  });
  return (
    <Card size="small" title={t("application.what_if")}>
      <Space wrap>
        <InputNumber aria-label={t("field.amount")} value={amount} min={1} onChange={(value) => setAmount(value ?? 0)} prefix="¥" style={{ width: 150 }} />
        <InputNumber aria-label={t("field.months")} value={months} min={1} max={60} onChange={(value) => setMonths(value ?? 1)} suffix={t("unit.months")} style={{ width: 110 }} />
        <Button onClick={() => ask.mutate()} loading={ask.isPending}>{t("application.ask")}</Button>
      </Space>
      {ask.error && <p style={{ color: "#9e2b25" }}>{ask.error.message}</p>}
      {ask.data && (
        <p>
          <Code group="outcome" value={ask.data.outcome} /> {yuan(ask.data.amount)} · {percent(ask.data.rate)}
          <br />
          <span className="muted">{ask.data.reasons.map((reason) => pick(reason)).join(language_join)}</span>
        </p>
      )}
    </Card>
  );
}
