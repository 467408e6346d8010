// One application: what was decided and why, what could be offered, what the law says, and what would change it.
import { useMutation, useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Empty, Input, InputNumber, Modal, Space, Tag, Timeline } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, ApiError, body, once, type Problem, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { cite } from "../parts/cite";
import { useExplain } from "../parts/explain";
import { Facts } from "../parts/Facts";
import { useFeature } from "../parts/feature";
import { Files } from "../parts/Files";
import { Problems } from "../parts/Problems";
import { Code, Id, moment, percent, yuan } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";
import { Before } from "./application/Before";
import { type Affordability, CashFlow } from "./application/CashFlow";
import { Features } from "./application/Features";
import { Income, type IncomeReport } from "./application/Income";
import { Offers } from "./application/Offers";
import { Rights } from "./application/Rights";
import { Way } from "./application/Way";

export default function ApplicationPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["application", id],
    queryFn: () => body(api.GET("/api/applications/{application_id}", { params: { path: { application_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, code, name } = useSpeech();
  const { may } = useSession();
  const decision = data.decisions[0];
  return (
    <>
      <h1>{t("application.one")} <Id value={data.application_id} /> <Code group="application_status" value={data.status} /></h1>
      <Way status={data.status} />
      <Acts data={data} />
      <div className="pictures">
        <Card size="small" title={t("application.asked")}>
          <Facts items={[
            { label: t("field.borrower"), children: data.borrower.name ?? "–" },
            { label: t("field.region"), children: name("region", data.borrower.region) },
            { label: t("field.amount"), children: yuan(data.amount) },
            { label: t("field.months"), children: data.months },
            { label: t("field.product"), children: name("product", data.product) },
            { label: t("field.purpose"), children: name("purpose", data.purpose) || "–" },
            { label: t("field.channel"), children: name("channel", data.channel) },
            { label: t("field.applied_at"), children: moment(data.applied_at) },
            { label: t("field.lender_type"), children: code("lender", data.lender_type) },
            { label: t("field.loan"), children: data.loan_id ? <Id value={data.loan_id} to={`/loans/${encodeURIComponent(data.loan_id)}`} /> : "–" },
          ]} />
        </Card>
        <Card size="small" title={<>{t("application.decision")} {decision && <Code group="outcome" value={decision.outcome} />}</>}>
          {decision ? <Decision decision={decision} /> : <p className="muted">{t(data.status === "imported" ? "application.was_imported" : "application.undecided")}</p>}
        </Card>
      </div>
      {data.status === "new" && <Before data={data} />}
      {decision && <Offers decision={decision} data={data} />}
      {decision && <Carried decision={decision} />}
      {decision && may("GET /api/applications/{application_id}/decisions/{decision_id}/explanation") && <Rights data={data} decision={decision} />}
      <div className="pictures">
        {decision && <Card size="small" title={t("application.law")}><LawChecks checks={decision.law_checks} /></Card>}
        {may("POST /api/applications/{application_id}/what-if") && <WhatIf data={data} />}
      </div>
      <div className="pictures">
        <Card size="small" title={t("application.features")}><Features features={data.features} /></Card>
        <Card size="small" title={t("application.history")}>
          {data.decisions.length > 0 && <Timeline style={{ marginTop: 8 }} items={data.decisions.map((one) => ({
            key: one.decision_id,
            content: <>{moment(one.decided_at)} <Code group="outcome" value={one.outcome} /> {name("actor", one.decided_by)}
              <div className="muted citation">{t("application.versions", { policy: one.policy_version.slice(0, 10), model: one.model_id?.slice(0, 12) ?? "–", law: one.law_version.slice(0, 10) })}</div></>,
          }))} />}
          <Files files={data.files} />
        </Card>
      </div>
    </>
  );
}

/** Income and cash flow as they were when it was decided. */
function Carried({ decision }: { decision: Schema["DecisionOut"] }) {
  const decided = decision.inputs.decided as { income?: IncomeReport | null; affordability?: Affordability | null } | undefined;
  if (!decided?.income) return <div style={{ marginBottom: 12 }}><CashFlow found={decided?.affordability} /></div>;
  return <div className="pictures"><Income report={decided.income} /><CashFlow found={decided.affordability} /></div>;
}

function Decision({ decision }: { decision: Schema["DecisionOut"] }) {
  const { t, name } = useSpeech();
  const { called, reasonSaid } = useFeature();
  return (
    <>
      <Facts items={[
        { label: t("field.points"), children: decision.points ?? "–" },
        { label: t("field.pd"), children: percent(decision.pd, 1) },
        { label: t("field.limit"), children: yuan(decision.limit) },
        { label: t("field.rate"), children: percent(decision.rate) },
        { label: t("field.decided_by"), children: name("actor", decision.decided_by) },
        { label: t("field.decided_at"), children: moment(decision.decided_at) },
      ]} />
      <strong style={{ display: "block", marginTop: 12 }}>{t("application.reasons")}</strong>
      {decision.reasons.length === 0 && <p className="muted">{t("application.no_reasons")}</p>}
      <ul className="files reasons">
        {decision.reasons.map((reason, n) => (
          <Reason key={n} said={reasonSaid(reason)} about={reason.feature ? called(reason.feature) : ""} />
        ))}
      </ul>
    </>
  );
}

/** A reason, and beside it what it is about where the sentence does not begin with that. */
function Reason({ said, about }: { said: string; about: string }) {
  const told = said.toLowerCase().startsWith(about.toLowerCase());
  return <li className="deadline"><span>{said}</span>{!told && <span className="muted citation">{about}</span>}</li>;
}

function LawChecks({ checks }: { checks: Schema["LawCheck"][] }) {
  const { t, pick, language } = useSpeech();
  if (!checks.length) return <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("application.no_law")} />;
  return (
    <ul className="files">
      {checks.map((check, n) => (
        <li key={n}>
          <Tag color={check.ok ? "green" : "red"}>{check.ok ? "✓" : "✗"}</Tag>{pick(check)}
          <div className="muted citation">{cite(check.citation, language)}</div>
        </li>
      ))}
    </ul>
  );
}

function Acts({ data }: { data: Schema["ApplicationOut"] }) {
  const { t } = useSpeech();
  const { may } = useSession();
  return (
    <Space wrap style={{ marginBottom: 12 }}>
      {data.status === "new" && may("POST /api/applications/{application_id}/decide") && <Decide id={data.application_id} />}
      {data.status === "signed" && may("POST /api/applications/{application_id}/disburse") && <Disburse data={data} />}
      {(data.status === "review" || data.status === "refused") && may("POST /api/applications/{application_id}/review") && <Review data={data} />}
      {data.loan_id && <Link to={`/loans/${encodeURIComponent(data.loan_id)}`}>{t("application.to_loan")}</Link>}
      <Link to="/applications">{t("list.back")}</Link>
    </Space>
  );
}

function Decide({ id }: { id: string }) {
  const { t } = useSpeech();
  const [header] = useState(once);
  const [problems, setProblems] = useState<Problem[]>([]);
  const act = useAct(
    () => body(api.POST("/api/applications/{application_id}/decide", { params: { path: { application_id: id }, header } })),
    () => setProblems([]),
    (error) => {
      if (!(error instanceof ApiError) || !error.problems.length) return false;
      setProblems(error.problems);
      return true;
    },
  );
  return (
    <>
      <Button type="primary" loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("application.decide")}</Button>
      {problems.length > 0 && <Problems title={t("error.422")} problems={problems} />}
    </>
  );
}

function Disburse({ data }: { data: Schema["ApplicationOut"] }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/applications/{application_id}/disburse", { params: { path: { application_id: data.application_id }, header } })),
    () => message.success(t("application.disbursed")),
  );
  const amount = yuan(String(data.contract?.terms.principal ?? data.amount));
  return (
    <Sure type="primary" question={t("application.disburse_sure", { amount })} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("application.disburse")}</Sure>
  );
}

/** A person's decision: it is what the applicant can ask for, so it needs a reason that they can be told. */
function Review({ data }: { data: Schema["ApplicationOut"] }) {
  const { t } = useSpeech();
  const [why, setWhy] = useState("");
  const [open, setOpen] = useState(false);
  const [header] = useState(once);
  const act = useAct(
    (outcome: "approve" | "refuse") =>
      body(api.POST("/api/applications/{application_id}/review", { params: { path: { application_id: data.application_id }, header }, body: { outcome, reason: why } })),
    () => setOpen(false),
  );
  const offered = (data.decisions[0]?.offers.length ?? 0) > 0;
  const said = why.trim().length >= 5;
  return (
    <>
      <Button type={data.status === "review" ? "primary" : "default"} onClick={() => setOpen(true)}>{t("application.review")}</Button>
      <Modal open={open} title={t("application.review")} onCancel={() => setOpen(false)} footer={[
        <Button key="refuse" danger disabled={!said} loading={act.isPending} onClick={() => act.mutate("refuse")}>{t("outcome.refuse")}</Button>,
        <Button key="approve" type="primary" disabled={!said || !offered} loading={act.isPending} onClick={() => act.mutate("approve")}>{t("outcome.approve")}</Button>,
      ]}>
        {!offered && <p className="muted">{t("application.no_offers")}</p>}
        <Input.TextArea aria-label={t("application.why")} placeholder={t("application.why")} rows={3} maxLength={500} value={why} onChange={(event) => setWhy(event.target.value)} />
      </Modal>
    </>
  );
}

function WhatIf({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, pick } = useSpeech();
  const { reasonSaid } = useFeature();
  const explain = useExplain();
  const [amount, setAmount] = useState<number>(Number(data.amount));
  const [months, setMonths] = useState<number>(Math.min(data.months, 60));
  const ask = useMutation({
    mutationFn: () =>
      body(api.POST("/api/applications/{application_id}/what-if", {
        params: { path: { application_id: data.application_id } }, body: { amount: amount.toFixed(2), months, features: {} },
      })),
  });
  const best = ask.data?.offers[0];
  return (
    <Card size="small" title={t("application.what_if")}>
      <Space wrap>
        <InputNumber aria-label={t("field.amount")} value={amount} min={1} onChange={(value) => setAmount(value ?? 1)} prefix="¥" style={{ width: 150 }} />
        <InputNumber aria-label={t("field.months")} value={months} min={1} max={60} onChange={(value) => setMonths(value ?? 1)} suffix={t("unit.months")} style={{ width: 120 }} />
        <Button onClick={() => ask.mutate()} loading={ask.isPending}>{t("application.ask")}</Button>
      </Space>
      {ask.error && <p className="bad">{explain(ask.error)}</p>}
      {ask.data && (
        <>
          <p><Code group="outcome" value={ask.data.outcome} /> {t("field.limit")} {yuan(ask.data.limit)}{best && <> · {pick(best)} {yuan(best.amount)} · {best.months} {t("unit.months")} · {percent(best.rate)}</>}</p>
          <ul className="files">{ask.data.reasons.map((reason, n) => <li key={n}>{reasonSaid(reason)}</li>)}</ul>
        </>
      )}
    </Card>
  );
}
