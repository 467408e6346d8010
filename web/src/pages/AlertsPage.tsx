// The feed of alerts: new ones appear while one looks; each is judged once, and the verdict teaches the signals.
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, Badge, Button, Space } from "antd";
import { useEffect, useState } from "react";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment } from "../parts/show";

/** Follow the server's stream; "live" while it is open. */
function useLive(onAlert: (alert: Schema["AlertRow"]) => void): boolean {
  const [live, setLive] = useState(false);
  useEffect(() => {
    const source = new EventSource("/api/alerts/live");
    const take = (event: MessageEvent) => onAlert(JSON.parse(event.data));
    source.onopen = () => setLive(true);
    source.onerror = () => setLive(false);
    source.onmessage = take;
    source.addEventListener("alert", take as EventListener);
    return () => source.close();
  }, [onAlert]);
  return live;
}

export default function AlertsPage() {
  const { t, code, pick } = useSpeech();
  const { message, notification } = AntApp.useApp();
  const queries = useQueryClient();
  const state = useFilters();
  const { status, severity } = state.values;
  const query = useQuery({
    queryKey: ["alerts", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/alerts", { params: { query: { status, severity, page: state.page, size: state.size } as never } })),
  });
  const [arrive] = useState(() => (alert: Schema["AlertRow"]) => {
    notification.warning({ title: alert.rule, description: JSON.stringify(alert.evidence).slice(0, 120), placement: "bottomRight", duration: 4 });
    void queries.invalidateQueries({ queryKey: ["alerts"] });
  });
  const live = useLive(arrive);
  const judge = useMutation({
    mutationFn: ({ id, verdict }: { id: string; verdict: "confirmed" | "dismissed" }) =>
      api.POST("/api/alerts/{alert_id}/feedback", { params: { path: { alert_id: id } }, body: { status: verdict, note: "" } } as never),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["alerts"] }),
    onError: (error) => message.error(error.message),
  });
  return (
    <main className="page">
      <h1>{t("nav.alerts")} <Badge status={live ? "processing" : "default"} text={live ? t("alert.live") : t("alert.not_live")} /></h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.alert_id}
        filters={[
          { name: "status", label: t("field.status"), options: ["open", "confirmed", "dismissed"].map((value) => ({ value, label: code("alert", value) })) },
          { name: "severity", label: t("alert.severity"), options: ["critical", "warning", "info"].map((value) => ({ value, label: code("severity", value) })) },
        ]}
        columns={[
          { title: t("field.at"), dataIndex: "at", render: moment },
          { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
          { title: t("alert.evidence"), render: (_, row) => <div style={{ maxWidth: 560, whiteSpace: "normal" }}>{pick(row.evidence as never)}</div> },
          { title: t("alert.rule"), dataIndex: "rule" },
          { title: t("field.loan"), dataIndex: "loan_id", render: (value) => (value ? <Id value={value} to={`/loans/${value}`} /> : "–") },
          { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="alert" value={value} /> },
          {
            title: t("alert.verdict"),
            render: (_, row) => row.status === "open" && (
              <Space>
                <Button size="small" onClick={() => judge.mutate({ id: row.alert_id, verdict: "confirmed" })}>{t("alert.confirm")}</Button>
                <Button size="small" onClick={() => judge.mutate({ id: row.alert_id, verdict: "dismissed" })}>{t("alert.dismiss")}</Button>
              </Space>
            ),
          },
        ]}
      />
    </main>
  );
}
