// The court cases, those with a missed or the nearest deadline first.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Tag } from "antd";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, yuan } from "../parts/show";

export default function CasesPage() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["cases", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/cases", { params: { query: state.query("stage", "kind", "missed") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  return (
    <main className="page">
      <h1>{t("nav.cases")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.case_id}
        filters={[
          { name: "stage", label: t("case.stage"), options: options("stage", ["prepared", "filed", "accepted", "heard", "judged", "enforced", "closed"]) },
          { name: "kind", label: t("case.kind"), options: options("case_kind", ["payment_order", "litigation"]) },
          { name: "missed", label: t("case.deadlines"), options: [{ value: "true", label: t("case.only_missed") }] },
        ]}
        columns={[
          { title: t("case.one"), dataIndex: "case_id", render: (value) => <Id value={value} to={`/cases/${encodeURIComponent(value)}`} /> },
          { title: t("field.borrower"), dataIndex: "name", render: (value) => value ?? "–" },
          { title: t("case.procedure"), dataIndex: "procedure", render: (value) => code("procedure", value) },
          { title: t("case.claim"), dataIndex: "claim", sorter: true, align: "right", render: yuan },
          { title: t("case.fee"), dataIndex: "fee", align: "right", render: yuan },
          { title: t("case.stage"), dataIndex: "stage", render: (value) => <Code group="stage" value={value} /> },
          {
            title: t("case.next"), dataIndex: "next_deadline", sorter: true,
            render: (value, row) => (value ? <span className={row.missed ? "bad" : ""}>{value} {row.missed && <Tag color="red">{t("case.missed")}</Tag>}</span> : "–"),
          },
          { title: t("case.court"), dataIndex: "court", render: (value: string) => <div className="wrap">{name("court", value) || "–"}</div> },
          { title: t("case.opened"), dataIndex: "opened_on", sorter: true },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
        ]}
      />
    </main>
  );
}
