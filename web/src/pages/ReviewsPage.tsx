// The queue of reviews: refused borrowers who asked for a person, and what the policy left to people; overdue on top.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Segmented, Tag } from "antd";
import { Link } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { cite } from "../parts/cite";
import { Listing, useFilters } from "../parts/Listing";
import { Code, moment } from "../parts/show";

export default function ReviewsPage() {
  const { t, code, name, pick, language } = useSpeech();
  const state = useFilters();
  const status = state.values.status === "done" ? "done" : "open";
  const query = useQuery({
    queryKey: ["reviews", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/reviews", { params: { query: { ...state.query(), status } as never } })),
  });
  const overdue = query.data?.overdue ?? 0;
  return (
    <main className="page">
      <h1>{t("nav.reviews")}</h1>
      {overdue > 0 && <Alert type="error" showIcon title={t("review.overdue_now", { n: overdue })} style={{ marginBottom: 12 }} />}
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.review_id}
        rowClassName={(row) => (row.overdue ? "late" : "")}
        extra={<Segmented aria-label={t("field.status")} value={status} onChange={(chosen) => state.set({ status: chosen === "done" ? "done" : undefined, page: undefined })} options={[{ value: "open", label: t("review.open") }, { value: "done", label: t("review.done") }]} />}
        columns={[
          {
            title: t("review.due"), dataIndex: "due_on",
            render: (value: string, row) => <span className={row.overdue ? "bad" : ""}>{value} {row.status === "open" && <Tag color={row.overdue ? "red" : row.days_left <= 2 ? "orange" : undefined}>{row.overdue ? t("review.late", { n: -row.days_left }) : t("review.left", { n: row.days_left })}</Tag>}</span>,
          },
          { title: t("field.application"), dataIndex: "application_id", render: (value: string) => <Link to={`/applications/${encodeURIComponent(value)}`}>{value.slice(0, 14)}</Link> },
          { title: t("field.borrower"), dataIndex: "name", render: (value: string | null) => value ?? "–" },
          { title: t("field.product"), dataIndex: "product", render: (value: string) => name("product", value) },
          { title: t("review.kind"), dataIndex: "kind", render: (value: string) => code("review_kind", value) },
          { title: t("rights.words"), dataIndex: "words", render: (value: string) => <div className="wrap">{value || "–"}</div> },
          { title: t("review.asked"), dataIndex: "asked_at", render: moment },
          { title: t("review.basis"), dataIndex: "basis", render: (_, row) => <div className="wrap">{pick(row.basis)}<div className="muted citation">{cite(row.basis.citation, language)}</div></div> },
          ...(status === "done" ? [
            { title: t("field.status"), render: (_: unknown, row: { status: string }) => <Code group="review_status" value={row.status} /> },
            { title: t("release.reason"), render: (_: unknown, row: { reason: string; decided_by: string | null }) => <div className="wrap">{row.reason}<div className="muted citation">{name("actor", row.decided_by ?? "")}</div></div> },
          ] : []),
        ]}
      />
    </main>
  );
}
