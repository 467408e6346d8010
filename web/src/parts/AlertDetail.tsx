// One alert as a person judges it: the sentence, the numbers, the account's days before, its other alerts, the signal's record.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Descriptions, Input, Space, Tag } from "antd";
import { useState } from "react";
import { Link } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { useSession } from "../session";
import { Facts } from "./Facts";
import { Code, Id, moment, percent, yuan } from "./show";
import { useAct } from "./useAct";
import { Wait } from "./Wait";

export interface Evidence {
  zh?: string;
  en?: string;
  values?: Record<string, string>;
  words?: Record<string, { zh?: string; en?: string }>;
  event?: { zh?: string; en?: string; kind?: string; amount?: string; at?: string };
}

export const alertLink = (alertId: string) => `/alerts/${encodeURIComponent(alertId)}`;
export const accountLink = (accountId: string) => `/accounts/${encodeURIComponent(accountId)}`;

/** The days of which a hazard tells a chance; 0 for a feature. */
const horizon = (name: string) => Number(/^chance_(\d+)d$/.exec(name)?.[1] ?? 0);

/** What was seen: chances first, the nearest before the others. */
const seen = (evidence: Evidence) =>
  Object.entries(evidence.values ?? {}).sort(([one], [other]) => (horizon(one) || Infinity) - (horizon(other) || Infinity) || 0);

export function AlertDetail({ id }: { id: string }) {
  const query = useQuery({ queryKey: ["alert", id], queryFn: () => body(api.GET("/api/alerts/{alert_id}", { params: { path: { alert_id: id } } })) });
  return <Wait query={query}>{(data) => <Whole data={data} />}</Wait>;
}

function Whole({ data }: { data: Schema["AlertOut"] }) {
  const { t, pick, name } = useSpeech();
  const evidence = data.evidence as Evidence;
  const event = evidence.event;
  const told = seen(evidence).map(([feature, value]) => {
    const days = horizon(feature);
    const words = evidence.words?.[feature];
    return { label: days ? t("alert.chance", { days }) : words ? pick(words) : feature, children: <strong>{days ? percent(value, 1) : value}</strong> };
  });
  const facts = [
    ...told,
    ...(event ? [{ label: t("alert.event"), children: <>{pick(event) || event.kind}{event.amount && ` ¥${event.amount}`} · {moment(event.at)}</> }] : []),
    { label: t("field.outstanding"), children: yuan(data.outstanding) },
    { label: t("field.overdue"), children: <>{yuan(data.overdue)}{data.dpd > 0 && ` · ${t("field.dpd")} ${data.dpd}`}</> },
    { label: t("alert.line"), children: yuan(data.line_limit) },
  ];
  return (
    <div className="alert-detail">
      <div>
        <p style={{ fontSize: 15 }}>{pick(evidence)}</p>
        {evidence.words
          ? <Descriptions size="small" column={1} items={facts.map((one) => ({ key: one.label, ...one }))} style={{ marginBottom: 8 }} />
          : <Facts items={facts} />}
        {data.record && <p className="muted" style={{ marginTop: 8 }}>{t("alert.record")}: <Record record={data.record} /></p>}
        <Acts data={data} />
        {data.others.length > 0 && (
          <div className="muted" style={{ marginTop: 12 }}>
            {t("alert.others")}
            <ul className="files">
              {data.others.slice(0, 5).map((other) => (
                <li key={other.alert_id}><Link to={alertLink(other.alert_id)}>{moment(other.at)}</Link> <Code group="severity" value={other.severity} /> {name("signal", other.rule)} <Code group="alert_status" value={other.status} /></li>
              ))}
            </ul>
          </div>
        )}
      </div>
      <div>
        <div className="muted">{t("alert.picture")}</div>
        <Chart label={t("alert.picture")} height={190} option={{
          tooltip: { trigger: "axis" },
          legend: { top: 0, right: 0 },
          xAxis: { type: "category", data: data.days.map((day) => day.on.slice(5)) },
          yAxis: { type: "value" },
          series: [
            { name: t("alert.of_kind"), type: "bar", stack: "all", color: "#9e2b25", data: data.days.map((day) => Number(day.amount)) },
            { name: t("alert.of_all"), type: "bar", stack: "all", color: "#b9c7c3", data: data.days.map((day) => Math.round(100 * (Number(day.all_amount) - Number(day.amount))) / 100) },
          ],
        }} />
      </div>
    </div>
  );
}

export function Record({ record }: { record: Schema["RuleRecordOut"] }) {
  const { t } = useSpeech();
  const judged = record.confirmed + record.dismissed;
  if (!judged) return <>{t("alert.record_none", { alerts: record.alerts })}</>;
  return <>{t("alert.record_said", { alerts: record.alerts, judged, confirmed: record.confirmed, share: percent(record.share, 0), low: percent(record.low, 0), high: percent(record.high, 0) })}</>;
}

/** Look into it, make a case of it, say whether it was right: what may still be done, by those who may. */
export function Acts({ data, small = false }: { data: Schema["AlertRow"]; small?: boolean }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const { may } = useSession();
  const [headers] = useState(() => ({ seen: once(), judged: once(), case: once() }));
  const [note, setNote] = useState("");
  const path = { alert_id: data.alert_id };
  const acknowledge = useAct(() => body(api.POST("/api/alerts/{alert_id}/acknowledge", { params: { path, header: headers.seen } })));
  const judge = useAct(
    (status: "confirmed" | "dismissed") => body(api.POST("/api/alerts/{alert_id}/feedback", { params: { path, header: headers.judged }, body: { status, note } })),
    () => { message.success(t("alert.judged")); },
  );
  const make = useAct(
    () => body(api.POST("/api/alert-cases", { params: { header: headers.case }, body: { alert_ids: [data.alert_id] } })),
    () => { message.success(t("alert.case_made")); },
  );
  const open = data.status === "open";
  const size = "small" as const;
  return (
    <Space wrap size={small ? 4 : 8}>
      {!small && open && may("POST /api/alerts/{alert_id}/feedback") && (
        <Input size="small" style={{ width: 260 }} maxLength={300} placeholder={t("alert.note")} aria-label={t("alert.note")} value={note} onChange={(event) => setNote(event.target.value)} />
      )}
      {open && may("POST /api/alerts/{alert_id}/feedback") && (
        <>
          <Button size={size} disabled={judge.isPending} onClick={() => judge.mutate("confirmed")}>{t("alert.confirm")}</Button>
          <Button size={size} disabled={judge.isPending} onClick={() => judge.mutate("dismissed")}>{t("alert.dismiss")}</Button>
        </>
      )}
      {open && !data.acknowledged_by && !small && may("POST /api/alerts/{alert_id}/acknowledge") && (
        <Button size={size} loading={acknowledge.isPending} onClick={() => acknowledge.mutate(undefined)}>{t("alert.acknowledge")}</Button>
      )}
      {open && data.acknowledged_by && <Tag>{t("alert.acknowledged", { by: data.acknowledged_by })}</Tag>}
      {!small && (data.case_id
        ? <Link to={`/alerts/${encodeURIComponent(data.case_id)}`}>{t("alert.to_case")}</Link>
        : may("POST /api/alert-cases") && <Button size={size} loading={make.isPending} onClick={() => make.mutate(undefined)}>{t("alert.make_case")}</Button>)}
      {!small && <Link to={accountLink(data.account_id)}>{t("account.go")}</Link>}
      {!open && !small && <span className="muted">{t("alert.handled", { by: data.handled_by ?? "–" })} <Id value={data.account_id} to={accountLink(data.account_id)} /></span>}
    </Space>
  );
}
