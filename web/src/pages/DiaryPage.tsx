// For those who look over others: who did what, and whether all that must hold does.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Segmented, Space, Tabs } from "antd";
import { useState } from "react";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Id, percent } from "../parts/show";
import { VERBS, useTold } from "../parts/told";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

export default function DiaryPage() {
  const { t } = useSpeech();
  const { may } = useSession();
  return (
    <main className="page">
      <h1>{t("nav.diary")}</h1>
      <Tabs items={[
        { key: "diary", label: t("diary.tab_diary"), children: <Diary /> },
        ...(may("GET /api/audit") ? [{ key: "audit", label: t("diary.tab_audit"), children: <Audit /> }] : []),
      ]} />
    </main>
  );
}

function Diary() {
  const { t, code, name, language } = useSpeech();
  const { may } = useSession();
  const state = useFilters(50);
  const query = useQuery({
    queryKey: ["activity", state.values], placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/activity", { params: { query: state.query("subject", "verb") as never } })),
  });
  const told = useTold();
  const verbs = VERBS.map((value) => ({ value, label: code("verb", value) })).sort((a, b) => a.label.localeCompare(b.label, language));
  return (
    <Listing
      query={query}
      state={state}
      rowKey={(row) => String(row.id)}
      extra={<span className="muted" style={{ order: 9 }}>{t("diary.counters")}</span>}
      filters={[
        { name: "verb", label: t("diary.verb"), options: verbs, search: true },
        { name: "subject", label: t("diary.subject_filter") },
      ]}
      columns={[
        { title: t("diary.at"), dataIndex: "at", render: (value: string) => <span style={{ whiteSpace: "nowrap" }}>{value.slice(0, 19).replace("T", " ")}</span> },
        { title: t("diary.actor"), dataIndex: "actor", render: (value) => name("actor", value) },
        { title: t("diary.verb"), dataIndex: "verb", render: (value) => name("verb", value) },
        { title: t("diary.subject"), dataIndex: "subject", render: (value: string, row) => <Id value={value} to={placeOf(row, may)} /> },
        { title: t("diary.detail"), dataIndex: "detail", render: (value: Record<string, unknown>, row) => <div className="wrap">{told(row.verb, value) || "–"}</div> },
      ]}
    />
  );
}

const ROOMS: Record<string, { verbs: string[]; door: string }> = {
  applications: { verbs: ["applied", "decided", "reviewed", "review_asked", "review_missed", "explained", "gathered", "signed"], door: "GET /api/applications/{application_id}" },
  loans: { verbs: ["disbursed", "repaid", "loan_reversal", "loan_prepayment", "loan_settlement", "loan_waiver", "loan_recovery", "loan_refund"], door: "GET /api/loans/{loan_id}" },
  alerts: { verbs: ["alerted", "judged", "commented", "alert_seen"], door: "GET /api/alerts/{alert_id}" },
  cases: { verbs: ["litigated", "filed"], door: "GET /api/cases/{case_id}" },
  accounts: { verbs: ["adjusted", "line_approved", "line_refused", "identity_viewed"], door: "GET /api/accounts/{borrower_id}/timeline" },
  policies: { verbs: ["policy_drafted", "policy_discarded", "policy_proposed", "policy_approved", "policy_refused", "policy_withdrawn"], door: "GET /api/policies" },
  models: { verbs: ["learned"], door: "GET /api/models/{model_id}" },
  imports: { verbs: ["imported"], door: "GET /api/imports/{run_id}" },
};

/** The page of the thing that an act was done to, where there is one and the reader may open it. */
function placeOf(row: Schema["ActivityRow"], may: (door: string) => boolean): string | undefined {
  const found = Object.entries(ROOMS).find(([, room]) => room.verbs.includes(row.verb));
  return found && may(found[1].door) ? `/${found[0]}/${encodeURIComponent(row.subject)}` : undefined;
}

const SHARES = [0.01, 0.1, 1];

function Audit() {
  const { t, pick } = useSpeech();
  const [share, setShare] = useState(0.1);
  const [told, setTold] = useState<Schema["AuditOut"]>();
  const run = useAct((part: number) => body(api.GET("/api/audit", { params: { query: { share: part } } })), setTold);
  return (
    <Card size="small">
      <Space wrap style={{ marginBottom: 12 }}>
        <span>{t("audit.share")}</span>
        <Segmented value={share} options={SHARES.map((value) => ({ value, label: percent(value, 0) }))} onChange={(value) => setShare(Number(value))} />
        <Button type="primary" loading={run.isPending} onClick={() => run.mutate(share)}>{t("audit.run")}</Button>
      </Space>
      {told && (
        <>
          <Alert type={told.ok ? "success" : "error"} title={t(told.ok ? "audit.ok" : "audit.failed")} style={{ marginBottom: 12 }} />
          <Rows
            pagination={false}
            rowKey={(row) => row.check}
            dataSource={told.findings}
            expandable={{
              rowExpandable: (row) => row.problems.length > 0,
              expandedRowRender: (row) => <ul>{row.problems.map((problem, n) => <li key={n}>{problem.where} <code>{problem.value}</code> {problem.reason}; {problem.mend}</li>)}</ul>,
            }}
            columns={[
              { title: t("audit.check"), render: (_, row) => pick(row) },
              { title: t("audit.counted"), dataIndex: "counted", align: "right", render: (value: number) => value.toLocaleString("en-US") },
              { title: t("audit.faults"), dataIndex: "faults", align: "right", render: (value: number) => <span className={value ? "bad" : "good"}>{value}</span> },
            ]}
          />
        </>
      )}
    </Card>
  );
}
