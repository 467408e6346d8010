// The versions of the signals, who wrote and approved them, and how often each signal was right.
import { useQuery } from "@tanstack/react-query";
import { Button, Card } from "antd";
import { Link, useNavigate } from "react-router";
import { api, body } from "../api/client";
import { useSpeech } from "../i18n";
import { Rows } from "../parts/Rows";
import { Code, Id, moment, percent } from "../parts/show";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export const signalsLink = (version: string) => `/signals/${encodeURIComponent(version)}`;

export default function SignalsPage() {
  const { t, name } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const query = useQuery({ queryKey: ["signals"], queryFn: () => body(api.GET("/api/signals")) });
  return (
    <main className="page">
      <h1>{t("nav.signals")} {may("POST /api/signals") && <Button type="primary" size="small" onClick={() => navigate(signalsLink("in_force"))}>{t("signal_page.new")}</Button>}</h1>
      <Wait query={query}>
        {(data) => (
          <>
            <Card size="small" title={t("signal_page.versions")} style={{ marginBottom: 12 }}>
              <Rows rowKey={(row) => row.version} dataSource={data.versions} columns={[
                { title: t("signal_page.version"), dataIndex: "version", render: (value) => (value === "shipped" ? <Link to={signalsLink(value)}>{t("signal_page.shipped")}</Link> : <Id value={value} to={signalsLink(value)} />) },
                { title: t("field.status"), dataIndex: "standing", render: (value) => <Code group="standing" value={value} /> },
                { title: t("signal_page.remark"), dataIndex: "remark", render: (value) => <div className="wrap">{value || "–"}</div> },
                { title: t("signal_page.author"), dataIndex: "author" },
                { title: t("signal_page.saved"), dataIndex: "created_at", render: moment },
                { title: t("signal_page.approved_by"), dataIndex: "approved_by", render: (value) => value ?? "–" },
                { title: t("signal_page.effective"), dataIndex: "effective_at", render: moment },
              ]} />
            </Card>
            <Card size="small" title={t("signal_page.records")}>
              <Rows rowKey={(row) => row.rule} dataSource={data.records} locale={{ emptyText: t("signal_page.none") }} columns={[
                { title: t("alert.rule"), dataIndex: "rule", render: (value) => <Link to={`/alerts?rule=${encodeURIComponent(value)}`}>{name("signal", value)}</Link> },
                { title: t("signal_page.alerts"), dataIndex: "alerts", align: "right", sorter: (a, b) => a.alerts - b.alerts },
                { title: t("signal_page.judged"), align: "right", render: (_, row) => row.confirmed + row.dismissed },
                { title: t("signal_page.right"), dataIndex: "confirmed", align: "right" },
                { title: t("signal_page.share"), align: "right", render: (_, row) => (row.share === null ? "–" : <>{percent(row.share, 0)} <span className="muted">({percent(row.low, 0)} – {percent(row.high, 0)})</span></>) },
              ]} />
            </Card>
          </>
        )}
      </Wait>
    </main>
  );
}
