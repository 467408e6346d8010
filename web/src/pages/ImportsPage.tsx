// The tapes that came in: when, from where, how much was kept and how much refused.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { moment } from "../parts/show";
import { Counts } from "../parts/Counts";

export default function ImportsPage() {
  const { t } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["imports", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/imports", { params: { query: state.query() as never } })),
  });
  return (
    <main className="page">
      <h1>{t("nav.imports")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.run_id}
        columns={[
          { title: t("import.started"), dataIndex: "started_at", render: (value, row) => <Link to={`/imports/${encodeURIComponent(row.run_id)}`}>{moment(value)}</Link> },
          { title: t("import.finished"), dataIndex: "finished_at", render: (value) => (value ? moment(value) : <span className="bad">{t("import.running")}</span>) },
          { title: t("import.mapping"), dataIndex: "mapping" },
          { title: t("import.path"), dataIndex: "path" },
          { title: t("import.kept"), render: (_, row) => <div className="wrap"><Counts of={row.counts.kept} /></div> },
          { title: t("import.known"), render: (_, row) => <div className="wrap"><Counts of={row.counts.already_there} /></div> },
          { title: t("import.refused"), dataIndex: "refusals", align: "right", render: (value) => <strong className={value ? "bad" : ""}>{value}</strong> },
        ]}
      />
    </main>
  );
}
