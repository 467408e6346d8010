// The day's work, what should bring most first; a person says what came of each item.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Button, Checkbox, DatePicker, Grid, Space, Tag } from "antd";
import dayjs from "dayjs";
import { useState } from "react";
import { Link } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Outcome } from "../parts/Outcome";
import { Code, Id, moment, yuan } from "../parts/show";
import { useSession } from "../session";

export default function WorkPage() {
  const { t, code, name, pick } = useSpeech();
  const { may } = useSession();
  const state = useFilters(50);
  const wide = Grid.useBreakpoint().md ?? true;
  const [item, setItem] = useState<Schema["WorkRow"]>();
  const query = useQuery({
    queryKey: ["work", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/work", { params: { query: state.query("day", "status", "action", "segment", "holdout") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  const day = state.values.day ?? query.data?.day;
  return (
    <main className="page">
      <h1>{t("nav.work")} <span className="muted" style={{ fontSize: 14 }}>{query.data?.day}</span></h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.item_id}
        rowClassName={(row) => (row.arm === "holdout" ? "held" : "")}
        extra={
          <Space wrap>
            <DatePicker
              aria-label={t("work.day")}
              allowClear={false}
              value={day ? dayjs(day) : null}
              onChange={(value) => state.set({ day: value?.format("YYYY-MM-DD"), page: undefined })}
            />
            <Checkbox checked={state.values.holdout === "true"} onChange={(event) => state.set({ holdout: event.target.checked ? "true" : undefined, page: undefined })}>
              {t("work.holdout")}
            </Checkbox>
          </Space>
        }
        filters={[
          { name: "status", label: t("field.status"), options: options("work_status", ["open", "done", "expired"]) },
          { name: "action", label: t("work.action"), options: options("action", ["call", "sms", "mail", "letter", "legal", "none"]) },
          { name: "segment", label: t("work.segment"), options: options("segment", ["self_cure", "firm", "plan", "escalate", "unknown"]) },
        ]}
        columns={[
          { title: t("work.action"), dataIndex: "action", render: (value) => <strong>{code("action", value)}</strong> },
          { title: t("work.hour"), dataIndex: "at", render: (value) => moment(value).slice(11) },
          { title: t("work.gain"), dataIndex: "expected_gain", align: "right", render: yuan },
          { title: t("field.borrower"), render: (_, row) => <><Link to={`/accounts/${encodeURIComponent(row.borrower_id)}`}>{row.name ?? "–"}</Link> <span className="muted">{name("region", row.region)}</span></> },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> },
          { title: t("field.dpd"), dataIndex: "dpd", align: "right" },
          { title: t("field.overdue"), dataIndex: "overdue", align: "right", render: yuan },
          {
            title: `${t("work.segment")} · ${t("field.reason")}`,
            render: (_, row) => <div className="wrap" style={{ maxWidth: 300 }}><Tag>{code("segment", row.segment)}</Tag><Code group="arm" value={row.arm} /> {pick(row.reason)}</div>,
          },
          {
            title: t("work.result"), fixed: wide ? "right" : undefined,
            render: (_, row) => <Result row={row} onOutcome={may("POST /api/work/{item_id}/outcome") ? () => setItem(row) : undefined} />,
          },
        ]}
      />
      {item && <Outcome key={item.item_id} item={item} onClose={() => setItem(undefined)} />}
    </main>
  );
}

function Result({ row, onOutcome }: { row: Schema["WorkRow"]; onOutcome?: () => void }) {
  const { t } = useSpeech();
  if (row.arm === "holdout") return <span className="muted">{t("work.left_alone")}</span>;
  if (row.status === "open" && row.action !== "none" && onOutcome) return <Button size="small" type="primary" onClick={onOutcome}>{t("work.outcome")}</Button>;
  const result = row.outcome?.result;
  if (typeof result === "string") return <Code group="result" value={result} />;
  return <Code group="work_status" value={row.status} />;
}
