// The policies: what is released since when and by which two people, drafts under way, and every version.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Card } from "antd";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Code, moment } from "../parts/show";
import { Wait } from "../parts/Wait";

export default function PoliciesPage() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["policies", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/policies", { params: { query: state.query("status") as never } })),
  });
  return (
    <main className="page">
      <h1>{t("nav.policies")}</h1>
      {query.data?.total === 0 && !state.values.status && <Alert type="info" showIcon title={t("policy.none")} style={{ marginBottom: 12 }} />}
      <Releases />
      <Drafts />
      <h2 style={{ fontSize: 16 }}>{t("policy.versions")}</h2>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.version}
        filters={[
          { name: "status", label: t("field.status"), options: ["draft", "proposed", "active", "retired"].map((value) => ({ value, label: code("policy_status", value) })) },
        ]}
        columns={[
          { title: t("policy.version"), dataIndex: "version", render: (value) => <Link to={`/policies/${encodeURIComponent(value)}`}><code>{value.slice(0, 16)}</code></Link> },
          { title: t("policy.name"), dataIndex: "name", render: (value) => name("policy_name", value) },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="policy_status" value={value} /> },
          { title: t("policy.since"), dataIndex: "effective_from" },
          { title: t("policy.author"), dataIndex: "author", render: (value) => name("actor", value) },
          { title: t("policy.approved"), dataIndex: "approved_by", render: (value) => (value ? name("actor", value) : "–") },
          { title: t("field.at"), dataIndex: "created_at", render: moment },
        ]}
      />
    </main>
  );
}

function Releases() {
  const { t, name } = useSpeech();
  const query = useQuery({ queryKey: ["policy-releases"], queryFn: () => body(api.GET("/api/policy-releases")) });
  return (
    <Card size="small" title={t("release.many")} style={{ marginBottom: 12 }}>
      <Wait query={query}>{(data) => (
        <Rows
          rowKey={(row) => row.release_id}
          dataSource={data.items}
          locale={{ emptyText: t("list.empty") }}
          columns={[
            { title: t("release.one"), dataIndex: "release_id", render: (value: string) => <Link to={`/policies/${encodeURIComponent(value)}`}><code>{value.slice(0, 12)}</code></Link> },
            { title: t("field.status"), dataIndex: "stands", render: (value: string) => <Code group="release" value={value} /> },
            { title: t("policy.since"), dataIndex: "effective_from" },
            { title: t("policy.version"), dataIndex: "version", render: (value: string) => <Link to={`/policies/${encodeURIComponent(value)}`}><code>{value.slice(0, 10)}</code></Link> },
            { title: t("release.proposed_by"), dataIndex: "proposed_by", render: (value: string) => name("actor", value) },
            { title: t("release.decided_by"), dataIndex: "decided_by", render: (value: string | null) => (value ? name("actor", value) : "–") },
            { title: t("release.why"), dataIndex: "remark", render: (value: string) => <div className="wrap">{value || "–"}</div> },
          ]}
        />
      )}</Wait>
    </Card>
  );
}

function Drafts() {
  const { t, name } = useSpeech();
  const query = useQuery({ queryKey: ["policy-drafts"], queryFn: () => body(api.GET("/api/policy-drafts", { params: { query: { size: 20 } as never } })) });
  if (!query.data?.items.length) return null;
  return (
    <Card size="small" title={t("draft.many")} style={{ marginBottom: 12 }}>
      <Rows
        rowKey={(row) => row.draft_id}
        dataSource={query.data.items}
        columns={[
          { title: t("draft.one"), dataIndex: "draft_id", render: (value: string) => <Link to={`/policies/${encodeURIComponent(value)}`}><code>{value.slice(0, 12)}</code></Link> },
          { title: t("field.status"), dataIndex: "status", render: (value: string) => <Code group="draft_status" value={value} /> },
          { title: t("policy.author"), dataIndex: "author", render: (value: string) => name("actor", value) },
          { title: t("draft.base"), dataIndex: "base_version", render: (value: string | null) => (value ? <code>{value.slice(0, 10)}</code> : "–") },
          { title: t("draft.saved_at"), dataIndex: "updated_at", render: moment },
        ]}
      />
    </Card>
  );
}
