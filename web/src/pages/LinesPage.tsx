// Each change of a borrower's limit and price, with its reasons; what is held out was computed, not done.
import { ArrowRightOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, day, Id, percent, yuan } from "../parts/show";

export default function LinesPage() {
  const { t, code, pick } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["lines", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/lines", { params: { query: state.query("borrower_id", "arm", "direction") as never } })),
  });
  const options = (group: string, values: string[]) => values.map((value) => ({ value, label: code(group, value) }));
  return (
    <main className="page">
      <h1>{t("nav.lines")} <span className="muted" style={{ fontSize: 13, fontWeight: 400 }}>{t("line.new_draws")}</span></h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.change_id}
        filters={[
          { name: "direction", label: t("line.direction"), options: options("direction", ["up", "down"]) },
          { name: "arm", label: t("field.arm"), options: options("arm", ["treated", "holdout"]) },
        ]}
        columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("field.borrower"), dataIndex: "borrower_id", render: (value) => <Id value={value} /> },
          { title: t("line.change"), align: "right", render: (_, row) => <Change from={yuan(row.old_limit)} to={yuan(row.new_limit)} up={Number(row.new_limit) > Number(row.old_limit)} /> },
          { title: t("line.rate_change"), align: "right", render: (_, row) => <Change from={percent(row.old_rate)} to={percent(row.new_rate)} up={Number(row.new_rate) < Number(row.old_rate)} /> },
          {
            title: t("field.reason"),
            render: (_, row) => <div className="wrap">{row.reasons.map((reason, n) => <div key={n}>{pick(reason as { zh?: string; en?: string })}</div>)}</div>,
          },
          { title: t("field.arm"), dataIndex: "arm", render: (value) => <Code group="arm" value={value} /> },
          { title: t("line.notified"), dataIndex: "notified_at", render: (value) => (value ? day(value) : <span className="muted">{t("line.not_notified")}</span>) },
        ]}
      />
    </main>
  );
}

/** What it was and what it became; one figure when it stayed. `up`: the change is to the borrower's good. */
function Change({ from, to, up }: { from: string; to: string; up: boolean }) {
  if (from === to) return <span className="muted">{to}</span>;
  return <span style={{ whiteSpace: "nowrap" }}><span className="muted">{from} <ArrowRightOutlined style={{ fontSize: 10 }} /></span> <strong className={up ? "good" : "bad"}>{to}</strong></span>;
}
