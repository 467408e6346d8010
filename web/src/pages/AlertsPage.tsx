// The feed of alerts: new ones appear while one looks; each is judged once, and the verdict teaches the signals.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, Badge, Button, Space } from "antd";
import { useEffect, useRef, useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment } from "../parts/show";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

/** Follow the server's stream; "live" while it is open. The browser connects again by itself and misses nothing. */
function useLive(onAlert: (alert: Schema["AlertRow"]) => void): boolean {
  const [live, setLive] = useState(false);
  const latest = useRef(onAlert);
  useEffect(() => { latest.current = onAlert; });
  useEffect(() => {
    const source = new EventSource("/api/alerts/live");
    source.onopen = () => setLive(true);
    source.onerror = () => setLive(false);
    source.addEventListener("alert", (event) => latest.current(JSON.parse((event as MessageEvent<string>).data)));
    return () => source.close();
  }, []);
  return live;
}

type Words = { zh?: string; en?: string };

export default function AlertsPage() {
  const { t, code, name, pick } = useSpeech();
  const { notification } = AntApp.useApp();
  const { may } = useSession();
  const queries = useQueryClient();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["alerts", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/alerts", { params: { query: state.query("status", "severity", "rule") as never } })),
  });
  const live = useLive((alert) => {
    notification.warning({
      title: `${t("alert.new")}: ${name("signal", alert.rule)}`,
      description: pick(alert.evidence as Words) || undefined,
      placement: "bottomRight",
      duration: 5,
    });
    void queries.invalidateQueries({ queryKey: ["alerts"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  });
  return (
    <main className="page">
      <h1>{t("nav.alerts")} <Badge status={live ? "processing" : "default"} text={live ? t("alert.live") : t("alert.not_live")} /></h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.alert_id}
        filters={[
          { name: "status", label: t("field.status"), options: ["open", "confirmed", "dismissed"].map((value) => ({ value, label: code("alert_status", value) })) },
          { name: "severity", label: t("alert.severity"), options: ["critical", "warning", "info"].map((value) => ({ value, label: code("severity", value) })) },
        ]}
        columns={[
          { title: t("field.at"), dataIndex: "at", render: moment },
          { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
          { title: t("alert.evidence"), render: (_, row) => <div className="wrap">{pick(row.evidence as Words)}</div> },
          { title: t("alert.rule"), dataIndex: "rule", render: (value) => name("signal", value) },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => (value ? <Id value={value} to={`/loans/${encodeURIComponent(value)}`} /> : "–") },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="alert_status" value={value} /> },
          ...(may("POST /api/alerts/{alert_id}/feedback")
            ? [{ title: t("alert.verdict"), render: (_: unknown, row: Schema["AlertRow"]) => row.status === "open" && <Verdict id={row.alert_id} /> }]
            : []),
        ]}
      />
    </main>
  );
}

function Verdict({ id }: { id: string }) {
  const { t } = useSpeech();
  const [header] = useState(once);
  const judge = useAct((status: "confirmed" | "dismissed") =>
    body(api.POST("/api/alerts/{alert_id}/feedback", { params: { path: { alert_id: id }, header }, body: { status, note: "" } })),
  );
  return (
    <Space>
      <Button size="small" disabled={judge.isPending} onClick={() => judge.mutate("confirmed")}>{t("alert.confirm")}</Button>
      <Button size="small" disabled={judge.isPending} onClick={() => judge.mutate("dismissed")}>{t("alert.dismiss")}</Button>
    </Space>
  );
}
