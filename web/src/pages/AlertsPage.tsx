// The feed of alerts and the cases made of them: new alerts appear while one looks; each is judged once, and the verdict teaches the signals.
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { App as AntApp, Badge, Tabs } from "antd";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { accountLink, Acts, AlertDetail, alertLink } from "../parts/AlertDetail";
import { Listing, useFilters } from "../parts/Listing";
import { Code, Id, moment } from "../parts/show";

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
  const { t, name, pick } = useSpeech();
  const { notification } = AntApp.useApp();
  const queries = useQueryClient();
  const state = useFilters();
  const live = useLive((alert) => {
    const say = { critical: notification.error, warning: notification.warning, info: notification.info }[alert.severity] ?? notification.info;
    say({
      title: `${t("alert.new")}: ${name("signal", alert.rule)}`,
      description: <Link to={alertLink(alert.alert_id)}>{pick(alert.evidence as Words) || alert.alert_id}</Link>,
      placement: "bottomRight",
      duration: 5,
    });
    void queries.invalidateQueries({ queryKey: ["alerts"] });
    void queries.invalidateQueries({ queryKey: ["overview"] });
  });
  const tab = state.values.tab === "cases" ? "cases" : "alerts";
  return (
    <main className="page">
      <h1>{t("nav.alerts")} <Badge status={live ? "processing" : "default"} text={live ? t("alert.live") : t("alert.not_live")} /></h1>
      <Tabs
        activeKey={tab}
        onChange={(key) => state.set({ tab: key === "cases" ? "cases" : undefined, status: undefined, severity: undefined, page: undefined })}
        items={[{ key: "alerts", label: t("alert.tab_alerts") }, { key: "cases", label: t("alert.tab_cases") }]}
      />
      {tab === "alerts" ? <Alerts /> : <Cases />}
    </main>
  );
}

function Alerts() {
  const { t, code, name, pick } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["alerts", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/alerts", { params: { query: state.query("status", "severity", "rule", "account_id") as never } })),
  });
  return (
    <Listing
      query={query}
      state={state}
      rowKey={(row) => row.alert_id}
      detail={(row) => <AlertDetail id={row.alert_id} />}
      filters={[
        { name: "status", label: t("field.status"), options: ["open", "confirmed", "dismissed"].map((value) => ({ value, label: code("alert_status", value) })) },
        { name: "severity", label: t("alert.severity"), options: ["critical", "warning", "info"].map((value) => ({ value, label: code("severity", value) })) },
      ]}
      columns={[
        { title: t("field.at"), dataIndex: "at", render: (value, row) => <Link to={alertLink(row.alert_id)} style={{ whiteSpace: "nowrap" }}>{moment(value)}</Link> },
        { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
        { title: t("alert.evidence"), render: (_, row) => <div className="wrap">{pick(row.evidence as Words)}</div> },
        { title: t("alert.rule"), dataIndex: "rule", render: (value) => name("signal", value) },
        { title: t("account.one"), dataIndex: "account_id", render: (value) => <Id value={value} to={accountLink(value)} /> },
        { title: t("field.status"), dataIndex: "status", render: (value, row) => <><Code group="alert_status" value={value} />{row.case_id && <Link to={alertLink(row.case_id)}>{t("alert.to_case")}</Link>}</> },
        { title: t("alert.verdict"), render: (_, row) => row.status === "open" && <Acts data={row} small /> },
      ]}
    />
  );
}

function Cases() {
  const { t, code, name } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["alert-cases", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/alert-cases", { params: { query: state.query("status", "severity") as never } })),
  });
  return (
    <Listing
      query={query}
      state={state}
      rowKey={(row) => row.case_id}
      filters={[
        { name: "status", label: t("field.status"), options: ["open", "closed"].map((value) => ({ value, label: code("case_status", value) })) },
        { name: "severity", label: t("alert.severity"), options: ["critical", "warning", "info"].map((value) => ({ value, label: code("severity", value) })) },
      ]}
      columns={[
        { title: t("alert_case.one"), dataIndex: "case_id", render: (value) => <Id value={value} to={alertLink(value)} /> },
        { title: t("alert_case.opened"), dataIndex: "opened_at", render: moment },
        { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
        { title: t("alert_case.alerts"), dataIndex: "alerts", align: "right" },
        { title: t("account.one"), dataIndex: "account_id", render: (value) => <Id value={value} to={accountLink(value)} /> },
        { title: t("alert_case.opened_by"), dataIndex: "opened_by", render: (value) => name("actor", value) },
        { title: t("field.status"), dataIndex: "status", render: (value) => <Code group="case_status" value={value} /> },
        { title: t("alert_case.verdict"), dataIndex: "verdict", render: (value) => <Code group="alert_status" value={value} /> },
        { title: t("alert_case.measure"), dataIndex: "measure", render: (value) => (value ? code("measure", value) : "–") },
      ]}
    />
  );
}
