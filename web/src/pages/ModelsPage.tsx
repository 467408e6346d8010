// The models: who is champion, and how each was judged on loans it had never seen.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { figure3, metricsOf, withInterval } from "../parts/metrics";
import { Code, moment } from "../parts/show";

export default function ModelsPage() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["models", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/models", { params: { query: state.query("status", "name") as never } })),
  });
  return (
    <main className="page">
      <h1>{t("nav.models")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.model_id}
        filters={[
          { name: "status", label: t("field.status"), options: ["champion", "challenger", "retired"].map((value) => ({ value, label: code("model_status", value) })) },
        ]}
        columns={[
          { title: t("model.name"), render: (_, row) => <Link to={`/models/${encodeURIComponent(row.model_id)}`}>{name("model_name", row.name)} · {code("model_kind", row.kind)}</Link> },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="model_status" value={value} /> },
          { title: t("model.fitted"), dataIndex: "fitted_at", render: moment },
          { title: t("model.rows"), align: "right", render: (_, row) => metricsOf(row).out_of_fold?.rows ?? "–" },
          { title: t("model.events"), align: "right", render: (_, row) => metricsOf(row).out_of_fold?.events ?? "–" },
          { title: t("model.holdout_auc"), align: "right", render: (_, row) => <strong>{withInterval(metricsOf(row).holdout, "auc")}</strong> },
          { title: t("model.champion_auc"), align: "right", render: (_, row) => figure3(metricsOf(row).against?.auc) },
          { title: t("model.holdout_ks"), align: "right", render: (_, row) => <strong>{withInterval(metricsOf(row).holdout, "ks")}</strong> },
          { title: t("model.champion_ks"), align: "right", render: (_, row) => figure3(metricsOf(row).against?.ks) },
          { title: t("model.fit_auc"), align: "right", render: (_, row) => figure3(metricsOf(row).out_of_fold?.auc) },
        ]}
      />
    </main>
  );
}
