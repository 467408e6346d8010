// The queue of applications: what was asked, what was decided, by which score.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment, percent, yuan } from "../parts/show";

const STATUSES = ["new", "approved", "refused", "review", "signed", "booked", "imported", "withdrawn"];

export default function ApplicationsPage() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["applications", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/applications", { params: { query: state.query("status", "search") as never } })),
  });
  return (
    <main className="page">
      <h1>{t("nav.applications")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.application_id}
        filters={[
          { name: "status", label: t("field.status"), options: STATUSES.map((value) => ({ value, label: code("application_status", value) })) },
          { name: "search", label: t("list.search") },
        ]}
        columns={[
          { title: t("field.id"), dataIndex: "application_id", render: (value) => <Id value={value} to={`/applications/${encodeURIComponent(value)}`} /> },
          { title: t("field.applied_at"), dataIndex: "applied_at", render: moment },
          { title: t("field.borrower"), render: (_, row) => <>{row.name ?? "–"} <span className="muted">{name("region", row.region)}</span></> },
          { title: t("field.product"), dataIndex: "product", render: (value) => name("product", value) },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("field.months"), dataIndex: "months", align: "right" },
          { title: t("field.points"), dataIndex: "points", align: "right", render: (value) => value ?? "–" },
          { title: t("field.pd"), dataIndex: "pd", align: "right", render: (value) => percent(value, 1) },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="application_status" value={value} /> },
        ]}
      />
    </main>
  );
}
