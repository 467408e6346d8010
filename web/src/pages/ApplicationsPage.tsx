// The queue of applications: what was asked, what was decided, by which score.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { Link, useNavigate } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { accountLink } from "../parts/AlertDetail";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment, percent, yuan } from "../parts/show";
import { useSession } from "../session";
import { REGIONS } from "./intake/identity";

const ACCOUNT = "GET /api/accounts/{borrower_id}/timeline";
const PRODUCTS = ["flexible_instalment", "equal_principal", "short_bullet", "paced", "line"];
const CHANNELS = ["app", "web", "branch", "partner", "agent", "api", "import"];
const STATUSES = ["new", "approved", "refused", "review", "signed", "booked", "imported", "withdrawn"];

export default function ApplicationsPage() {
  const { t, code, name } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["applications", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/applications", { params: { query: state.query("status", "outcome", "product", "channel", "region", "search") as never } })),
  });
  return (
    <main className="page">
      <h1>{t("nav.applications")} {may("POST /api/applications") && <Button type="primary" onClick={() => navigate("/applications/new")}>{t("intake.new")}</Button>}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.application_id}
        filters={[
          { name: "status", label: t("field.status"), options: STATUSES.map((value) => ({ value, label: code("application_status", value) })) },
          { name: "outcome", label: t("application.decision"), options: ["approve", "review", "refuse"].map((value) => ({ value, label: code("outcome", value) })) },
          { name: "product", label: t("field.product"), options: PRODUCTS.map((value) => ({ value, label: name("product", value) })) },
          { name: "channel", label: t("field.channel"), options: CHANNELS.map((value) => ({ value, label: name("channel", value) })) },
          { name: "region", label: t("field.region"), options: REGIONS.map((value) => ({ value, label: name("region", value) })) },
          { name: "search", label: t("list.search") },
        ]}
        columns={[
          { title: t("field.id"), dataIndex: "application_id", render: (value) => <Id value={value} to={`/applications/${encodeURIComponent(value)}`} /> },
          { title: t("field.applied_at"), dataIndex: "applied_at", sorter: true, render: moment },
          { title: t("field.borrower"), render: (_, row) => <>{may(ACCOUNT) ? <Link to={accountLink(row.borrower_id)}>{row.name ?? "–"}</Link> : row.name ?? "–"} <span className="muted">{name("region", row.region)}</span></> },
          { title: t("field.product"), dataIndex: "product", render: (value) => name("product", value) },
          { title: t("field.amount"), dataIndex: "amount", sorter: true, align: "right", render: yuan },
          { title: t("field.months"), dataIndex: "months", sorter: true, align: "right" },
          { title: t("field.points"), dataIndex: "points", sorter: true, align: "right", render: (value) => value ?? "–" },
          { title: t("field.pd"), dataIndex: "pd", sorter: true, align: "right", render: (value) => percent(value, 1) },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="application_status" value={value} /> },
        ]}
      />
    </main>
  );
}
