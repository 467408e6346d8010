// The book: every loan with its state on the book's day.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { accountLink } from "../parts/AlertDetail";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, percent, yuan } from "../parts/show";

export default function LoansPage() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["loans", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/loans", { params: { query: state.query("status", "bucket", "grade", "search") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  return (
    <main className="page">
      <h1>{t("nav.loans")}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.loan_id}
        filters={[
          { name: "status", label: t("field.status"), options: options("loan_status", ["active", "settled", "restructured", "written_off", "sold"]) },
          { name: "bucket", label: t("field.bucket"), options: options("bucket", ["M0", "M1", "M2", "M3", "M3+"]) },
          { name: "grade", label: t("field.class"), options: options("class", ["normal", "special_mention", "substandard", "doubtful", "loss"]) },
          { name: "search", label: t("list.search") },
        ]}
        columns={[
          { title: t("field.id"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="loan_status" value={value} /> },
          { title: t("field.borrower"), render: (_, row) => <><Link to={accountLink(row.borrower_id)}>{row.name ?? "–"}</Link> <span className="muted">{name("region", row.region)}</span></> },
          { title: t("field.product"), dataIndex: "product", render: (value) => name("product", value) },
          { title: t("field.drawn_on"), dataIndex: "drawn_on", sorter: true },
          { title: t("field.principal"), dataIndex: "principal", sorter: true, align: "right", render: yuan },
          { title: t("field.rate"), dataIndex: "rate", sorter: true, align: "right", render: (value) => percent(value) },
          { title: t("field.outstanding"), dataIndex: "outstanding", sorter: true, align: "right", render: yuan },
          { title: t("field.overdue"), dataIndex: "overdue", sorter: true, align: "right", render: yuan },
          { title: t("field.dpd"), dataIndex: "dpd", sorter: true, align: "right" },
          { title: t("field.bucket"), dataIndex: "bucket", render: (value) => <Code group="bucket" value={value} /> },
          { title: t("field.class"), dataIndex: "grade", render: (value) => <Code group="class" value={value} /> },
        ]}
      />
    </main>
  );
}
