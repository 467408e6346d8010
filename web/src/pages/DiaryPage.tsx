// For those who look over others: who did what, and whether all that must hold does.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Segmented, Space, Tabs } from "antd";
import { useState } from "react";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Id, percent } from "../parts/show";
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
  const { t, code, name } = useSpeech();
  const state = useFilters(50);
  const query = useQuery({
    queryKey: ["activity", state.values], placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/activity", { params: { query: state.query("subject", "verb") as never } })),
  });
  const verbs = ["adjusted", "alerted", "judged", "login", "identity_viewed", "borrower_searched", "file_fetched", "line_approved", "line_refused", "signals_approved", "reviewed", "repaid", "user_added", "user_changed", "password_changed"];
  return (
    <Listing
      query={query}
      state={state}
      rowKey={(row) => String(row.id)}
      filters={[
        { name: "verb", label: t("diary.verb"), options: verbs.map((value) => ({ value, label: code("verb", value) })) },
        { name: "subject", label: t("diary.subject_filter") },
      ]}
      columns={[
        { title: t("diary.at"), dataIndex: "at", render: (value: string) => <span style={{ whiteSpace: "nowrap" }}>{value.slice(0, 19).replace("T", " ")}</span> },
        { title: t("diary.actor"), dataIndex: "actor", render: (value) => name("actor", value) },
        { title: t("diary.verb"), dataIndex: "verb", render: (value) => name("verb", value) },
        { title: t("diary.subject"), dataIndex: "subject", render: (value) => <Id value={value} /> },
        { title: t("diary.detail"), dataIndex: "detail", render: (value: Record<string, unknown>) => <Detail value={value} /> },
      ]}
    />
  );
}

/** What was kept of an act, its first words; the whole of it on pointing there. */
function Detail({ value }: { value: Record<string, unknown> }) {
  const said = Object.keys(value).length ? JSON.stringify(value) : "–";
  return <code className="code wrap" style={{ display: "block" }} title={said}>{said.length > 160 ? `${said.slice(0, 160)}…` : said}</code>;
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
