// The borrower's rights on a decision: what it rested on, what would change it, the paper to hand over, a person to look again.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Input, Modal, Space, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { cite } from "../../parts/cite";
import { Paper } from "../../parts/Paper";
import { Code, moment } from "../../parts/show";
import { useAct } from "../../parts/useAct";
import { Wait } from "../../parts/Wait";
import { useSession } from "../../session";

interface Both { zh: string; en: string }

interface Explanation {
  outcome: string;
  by_person: boolean;
  sources: (Both & { basis_zh: string; basis_en: string; facts: (Both & { value_zh: string; value_en: string })[] })[];
  changes: Both[][];
  review: Both & { citation: string };
}

export function Rights({ data, decision }: { data: Schema["ApplicationOut"]; decision: Schema["DecisionOut"] }) {
  const { t } = useSpeech();
  const path = { application_id: data.application_id, decision_id: decision.decision_id };
  const query = useQuery({
    queryKey: ["explanation", decision.decision_id], retry: false,
    queryFn: () => body(api.GET("/api/applications/{application_id}/decisions/{decision_id}/explanation", { params: { path } })),
  });
  return (
    <Card size="small" title={t("rights.title")} style={{ marginBottom: 12 }}>
      <Wait query={query}>{(told) => <Told told={told} data={data} path={path} />}</Wait>
      <Reviews data={data} />
    </Card>
  );
}

function Told({ told, data, path }: { told: Schema["ExplanationOut"]; data: Schema["ApplicationOut"]; path: { application_id: string; decision_id: string } }) {
  const { t, pick, language } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const said = told.document as unknown as Explanation;
  const explain = useAct(
    () => body(api.POST("/api/applications/{application_id}/decisions/{decision_id}/explanation", { params: { path, header: once() } })),
    () => message.success(t("rights.made")),
  );
  return (
    <>
      {said.outcome !== "approve" && (
        <>
          <strong>{t("rights.changes")}</strong>
          {said.changes.length === 0 && <p className="muted">{t("rights.no_change")}</p>}
          <ul className="files">{said.changes.map((way, n) => <li key={n}><Tag>{n + 1}</Tag>{way.map((one) => pick(one)).join(language === "zh" ? "；" : "; ")}</li>)}</ul>
        </>
      )}
      <strong style={{ display: "block", marginTop: 8 }}>{t("rights.sources")}</strong>
      <ul className="files">
        {said.sources.map((source) => (
          <li key={source.en}>
            {pick(source)} <span className="muted citation">{language === "zh" ? source.basis_zh : source.basis_en}</span>
            <div className="tag-row">{source.facts.map((fact) => <Tag key={fact.en}>{pick(fact)} {language === "zh" ? fact.value_zh : fact.value_en}</Tag>)}</div>
          </li>
        ))}
      </ul>
      <p>{pick(said.review)} <span className="muted citation">{cite(said.review.citation, language)}</span></p>
      <Space wrap>
        {told.file_id
          ? <Paper kind="button" fileId={told.file_id} name={`explanation-${data.application_id}.pdf`}>{t("rights.paper")}</Paper>
          : may("POST /api/applications/{application_id}/decisions/{decision_id}/explanation") && <Button size="small" loading={explain.isPending} onClick={() => explain.mutate(undefined)}>{t("rights.explain")}</Button>}
        {data.status === "refused" && may("POST /api/applications/{application_id}/review-request") && <AskReview id={data.application_id} />}
      </Space>
    </>
  );
}

function AskReview({ id }: { id: string }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [open, setOpen] = useState(false);
  const [words, setWords] = useState("");
  const act = useAct(
    () => body(api.POST("/api/applications/{application_id}/review-request", { params: { path: { application_id: id }, header: once() }, body: { words } })),
    (made) => { message.success(t("rights.asked", { due: made.due_on })); setOpen(false); },
  );
  return (
    <>
      <Button size="small" onClick={() => setOpen(true)}>{t("rights.ask")}</Button>
      <Modal open={open} title={t("rights.ask")} okText={t("rights.ask")} confirmLoading={act.isPending} onCancel={() => setOpen(false)} onOk={() => act.mutate(undefined)}>
        <Input.TextArea aria-label={t("rights.words")} placeholder={t("rights.words")} rows={3} maxLength={500} value={words} onChange={(event) => setWords(event.target.value)} />
      </Modal>
    </>
  );
}

function Reviews({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, name } = useSpeech();
  const query = useQuery({
    queryKey: ["reviews", data.application_id],
    queryFn: () => body(api.GET("/api/reviews", { params: { query: { status: "all", application_id: data.application_id } } })),
  });
  if (!query.data?.items.length) return null;
  return (
    <>
      <strong style={{ display: "block", marginTop: 12 }}>{t("review.many")}</strong>
      <ul className="files">
        {query.data.items.map((review) => (
          <li key={review.review_id}>
            <Code group="review_status" value={review.overdue ? "overdue" : review.status} /> {t("review.due")} {review.due_on}
            {review.words && <div>{review.words}</div>}
            {review.decided_by && <div className="muted citation">{name("actor", review.decided_by)} · {moment(review.decided_at)} · {review.reason}</div>}
          </li>
        ))}
      </ul>
    </>
  );
}
