// One import and what it refused: file, row, column, what stood there, and why.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { inChinese } from "../i18n/problems";
import { Counts } from "../parts/Counts";
import { Listing, useFilters } from "../parts/Listing";
import { moment } from "../parts/show";

export default function ImportPage() {
  const { t, language } = useSpeech();
  const { id = "" } = useParams();
  const state = useFilters(50);
  const query = useQuery({
    queryKey: ["import", id, state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/imports/{run_id}", { params: { path: { run_id: id }, query: state.query("file", "column") as never } })),
  });
  const run = query.data?.run;
  return (
    <main className="page">
      <h1>{t("import.refusals")} <span className="muted" style={{ fontSize: 14 }}>{run && `${run.mapping} · ${moment(run.started_at)}`}</span></h1>
      <p><Link to="/imports">{t("list.back")}</Link> {run && <span className="muted"> · {t("import.kept")}: <Counts of={run.counts.kept} /></span>}</p>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => String(row.n)}
        columns={[
          { title: t("import.file"), dataIndex: "file" },
          { title: t("import.row"), dataIndex: "row", align: "right" },
          { title: t("import.column"), dataIndex: "column", render: (value) => <code>{value}</code> },
          { title: t("import.found"), dataIndex: "value", render: (value) => <span className="code">{value}</span> },
          { title: t("import.why"), dataIndex: "reason", render: (value: string) => <div className="wrap">{language === "zh" ? value.split("; ").map(inChinese).join("；") : value}</div> },
        ]}
      />
    </main>
  );
}
