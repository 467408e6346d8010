// The versions of the policy: which decides since when, written and approved by whom.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert } from "antd";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, moment } from "../parts/show";

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
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.version}
        filters={[
          { name: "status", label: t("field.status"), options: ["draft", "active", "retired"].map((value) => ({ value, label: code("policy_status", value) })) },
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
