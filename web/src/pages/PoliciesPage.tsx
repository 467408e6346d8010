// The policies: what is released since when and by which two people, drafts under way, and every version.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Card, Tag } from "antd";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment } from "../parts/show";

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
  const { t, code, name } = useSpeech();
  const state = useFilters(10, "release_");
  const query = useQuery({
    queryKey: ["policy-releases", state.values], placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/policy-releases", { params: { query: state.query("stands") as never } })),
  });
  const open = useQuery({ queryKey: ["policy-releases", "open"], queryFn: () => body(api.GET("/api/policy-releases", { params: { query: { stands: "proposed", size: 1 } } })) });
  const waiting = open.data?.total ?? 0;
  return (
    <Card size="small" title={<>{t("release.many")} {waiting > 0 && <Tag color="blue">{t("release.open", { n: waiting })}</Tag>}</>} style={{ marginBottom: 12 }}>
      <Listing
        query={query} state={state} among
        rowKey={(row) => row.release_id}
        filters={[{ name: "stands", label: t("field.status"), options: ["proposed", "scheduled", "in_force", "past", "refused", "withdrawn"].map((value) => ({ value, label: code("release", value) })) }]}
        columns={[
          { title: t("release.one"), dataIndex: "release_id", render: (value: string) => <Id value={value} to={`/policies/${encodeURIComponent(value)}`} /> },
          { title: t("field.status"), dataIndex: "stands", render: (value: string) => <Code group="release" value={value} /> },
          { title: t("policy.since"), dataIndex: "effective_from" },
          { title: t("policy.version"), dataIndex: "version", render: (value: string) => <Link to={`/policies/${encodeURIComponent(value)}`}><code>{value.slice(0, 10)}</code></Link> },
          { title: t("release.proposed_by"), dataIndex: "proposed_by", render: (value: string) => name("actor", value) },
          { title: t("release.decided_by"), dataIndex: "decided_by", render: (value: string | null) => (value ? name("actor", value) : "–") },
          { title: t("release.why"), dataIndex: "remark", render: (value: string) => <div className="wrap">{value || "–"}</div> },
        ]}
      />
    </Card>
  );
}

function Drafts() {
  const { t, code, name } = useSpeech();
  const state = useFilters(10, "draft_");
  const query = useQuery({
    queryKey: ["policy-drafts", state.values], placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/policy-drafts", { params: { query: state.query("status") as never } })),
  });
  if (!query.data?.total && !state.values.status && !query.isError) return null;
  return (
    <Card size="small" title={t("draft.many")} style={{ marginBottom: 12 }}>
      <Listing
        query={query} state={state} among
        rowKey={(row) => row.draft_id}
        filters={[{ name: "status", label: t("field.status"), options: ["open", "proposed", "released", "discarded"].map((value) => ({ value, label: code("draft_status", value) })) }]}
        columns={[
          { title: t("draft.one"), dataIndex: "draft_id", render: (value: string) => <Id value={value} to={`/policies/${encodeURIComponent(value)}`} /> },
          { title: t("field.status"), dataIndex: "status", render: (value: string) => <Code group="draft_status" value={value} /> },
          { title: t("policy.author"), dataIndex: "author", render: (value: string) => name("actor", value) },
          { title: t("draft.base"), dataIndex: "base_version", render: (value: string | null) => (value ? <code>{value.slice(0, 10)}</code> : "–") },
          { title: t("draft.saved_at"), dataIndex: "updated_at", render: moment },
          { title: t("field.note"), dataIndex: "remark", render: (value: string) => <div className="wrap">{value || "–"}</div> },
        ]}
      />
    </Card>
  );
}
