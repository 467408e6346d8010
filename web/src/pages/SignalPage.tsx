// One version of the signals: its text with faults marked where they stand, a replay of the past under it, its way into force.
import { useQuery } from "@tanstack/react-query";
import { Alert, App as AntApp, Button, Card, DatePicker, Input, Segmented, Space, Spin, Tag } from "antd";
import type { Dayjs } from "dayjs";
import { useEffect, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { accountLink } from "../parts/AlertDetail";
import { Rows } from "../parts/Rows";
import { Code, Id, moment, percent } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { YamlBox } from "../parts/YamlBox";
import { useSession } from "../session";

export default function SignalPage() {
  const { id = "" } = useParams();
  const query = useQuery({ queryKey: ["signals", id], staleTime: Infinity, queryFn: () => body(api.GET("/api/signals/{version}", { params: { path: { version: id } } })) });
  return <main className="page"><Wait query={query}>{(data) => <Whole key={data.version} data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["SignalVersionOut"] }) {
  const { t } = useSpeech();
  const { may, me } = useSession();
  const [text, setText] = useState(data.body);
  const [go, setGo] = useState<{ line: number }>();
  const checked = useChecked(text);
  const faults = checked?.faults ?? [];
  const writes = may("POST /api/signals");
  return (
    <>
      <h1>{t("nav.signals")} {data.version === "shipped" ? t("signal_page.shipped") : <Id value={data.version} />} <Code group="standing" value={data.standing} /></h1>
      <Space wrap style={{ marginBottom: 12 }}>
        <Link to="/signals">{t("list.back")}</Link>
        {data.remark && <span className="muted">{data.remark}</span>}
        <span className="muted">{t("signal_page.author")} {data.author}{data.approved_by && ` · ${t("signal_page.approved_by")} ${data.approved_by}`}{data.effective_at && ` · ${t("signal_page.effective")} ${moment(data.effective_at)}`}</span>
      </Space>
      {data.standing === "draft" && may("POST /api/signals/{version}/approve") && <Release data={data} own={data.author === me.login} />}
      <div className="signal-editor">
        <Card size="small" title={t("signal_page.text")}>
          <YamlBox label={t("signal_page.text")} value={text} onChange={writes ? setText : undefined} faults={faults.map((fault) => fault.line)} go={go} />
          {writes && <Save text={text} changed={text !== data.body} sound={checked !== undefined && faults.length === 0} />}
        </Card>
        <div>
          <Card size="small" title={checked === undefined ? <Spin size="small" /> : faults.length ? <span className="bad">{t("signal_page.faults", { count: faults.length })}</span> : t("signal_page.fine", { rules: checked.rules.length, features: checked.features.length })} style={{ marginBottom: 12 }}>
            {faults.map((fault, n) => (
              <Alert
                key={n} type="error" style={{ marginBottom: 6 }}
                title={<><Button type="link" size="small" style={{ padding: 0 }} onClick={() => setGo({ line: fault.line })}>{t("signal_page.line", { line: fault.line })}</Button> <code>{fault.problem.where.split(", ").slice(1).join(" › ")}</code></>}
                description={<>{fault.problem.value && <code>{fault.problem.value} </code>}{fault.problem.reason}{fault.problem.mend && <>; <strong>{fault.problem.mend}</strong></>}</>}
              />
            ))}
            {checked && !faults.length && <Declared checked={checked} />}
          </Card>
        </div>
      </div>
      {checked && !faults.length && may("POST /api/signals/preview") && <Preview key={data.version} text={text} />}
    </>
  );
}

/** What the server finds in the text, asked again when the person pauses. */
function useChecked(text: string): Schema["SignalsChecked"] | undefined {
  const [asked, setAsked] = useState(text);
  useEffect(() => {
    const wait = setTimeout(() => setAsked(text), 500);
    return () => clearTimeout(wait);
  }, [text]);
  const query = useQuery({ queryKey: ["signals-check", asked], staleTime: Infinity, gcTime: 30_000, queryFn: () => body(api.POST("/api/signals/check", { body: { body: asked } })) });
  return asked === text ? query.data : undefined;
}

function Declared({ checked }: { checked: Schema["SignalsChecked"] }) {
  const { t, pick, name } = useSpeech();
  return (
    <>
      {checked.same_as_live && <p className="muted">{t("signal_page.same")}</p>}
      <div style={{ maxHeight: 470, overflow: "auto" }}>
        <ul className="files">
          {checked.rules.map((rule) => (
            <li key={rule.name}>
              <div><Code group="severity" value={rule.severity} /> <strong>{rule.name}</strong> <span className="muted">{rule.on.map((kind) => name("event_kind", kind)).join(" · ")}</span></div>
              <div><code style={{ fontSize: 12 }}>{rule.when}</code></div>
              <div className="muted">{pick(rule)}</div>
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

function Save({ text, changed, sound }: { text: string; changed: boolean; sound: boolean }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const navigate = useNavigate();
  const [remark, setRemark] = useState("");
  const act = useAct(
    () => body(api.POST("/api/signals", { params: { header: once() }, body: { body: text, remark } })),
    (kept) => { message.success(t("signal_page.kept")); navigate(`/signals/${encodeURIComponent(kept.version)}`); },
  );
  return (
    <Space.Compact style={{ marginTop: 8, width: "100%" }}>
      <Input maxLength={200} placeholder={t("signal_page.remark")} aria-label={t("signal_page.remark")} value={remark} onChange={(event) => setRemark(event.target.value)} />
      <Button type="primary" disabled={!changed || !sound} loading={act.isPending} onClick={() => act.mutate(undefined)}>{t("signal_page.save")}</Button>
    </Space.Compact>
  );
}

function Release({ data, own }: { data: Schema["SignalVersionOut"]; own: boolean }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [headers] = useState(() => ({ yes: once(), no: once() }));
  const [since, setSince] = useState<Dayjs | null>(null);
  const path = { version: data.version };
  const approve = useAct(
    () => body(api.POST("/api/signals/{version}/approve", { params: { path, header: headers.yes }, body: { effective_at: since ? `${since.format("YYYY-MM-DDTHH:mm:00")}+08:00` : null } })),
    () => { message.success(t("signal_page.approved")); },
  );
  const refuse = useAct(() => body(api.POST("/api/signals/{version}/refuse", { params: { path, header: headers.no } })));
  return (
    <Alert
      type="info" style={{ marginBottom: 12 }}
      title={own ? t("signal_page.own") : (
        <Space wrap>
          <DatePicker showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" placeholder={t("signal_page.approve_from")} style={{ width: 260 }} value={since} onChange={setSince} />
          <Sure type="primary" question={t("sure.signal_approve")} loading={approve.isPending} onSure={() => approve.mutate(undefined)}>{t("signal_page.approve")}</Sure>
        </Space>
      )}
      action={<Sure size="small" question={t("sure.signal_refuse")} loading={refuse.isPending} onSure={() => refuse.mutate(undefined)}>{t("signal_page.refuse")}</Sure>}
    />
  );
}

const DAYS = [7, 30, 90];

function Preview({ text }: { text: string }) {
  const { t } = useSpeech();
  const [days, setDays] = useState(30);
  const [told, setTold] = useState<{ of: string; days: number; found: Schema["SignalsPreview"] }>();
  const run = useAct(
    (length: number) => body(api.POST("/api/signals/preview", { body: { body: text, days: length } })),
    (found) => setTold({ of: text, days, found }),
  );
  const fresh = told && told.of === text && told.days === days;
  return (
    <Card
      size="small" style={{ marginTop: 12 }} title={t("signal_page.preview")}
      extra={<Space><Segmented size="small" value={days} options={DAYS.map((value) => ({ value, label: t("signal_page.days", { count: value }) }))} onChange={(value) => setDays(Number(value))} /><Button size="small" type="primary" loading={run.isPending} onClick={() => run.mutate(days)}>{t("signal_page.run")}</Button></Space>}
    >
      {told && <div style={{ opacity: fresh ? 1 : 0.45 }}><Replay found={told.found} /></div>}
    </Card>
  );
}

function Replay({ found }: { found: Schema["SignalsPreview"] }) {
  const { t, name, pick } = useSpeech();
  const rules = [...new Set([...found.new.by_rule, ...found.live.by_rule].map((row) => row.rule))];
  const count = (side: Schema["SignalSide"], rule: string) => side.by_rule.find((row) => row.rule === rule)?.count ?? 0;
  return (
    <>
      <p style={{ marginTop: 0 }}>
        <strong>{t("signal_page.total", { new: found.new.alerts, live: found.live.alerts, only_new: found.only_new, only_live: found.only_live })}</strong>
        <br /><span className="muted">{t("signal_page.replayed", { accounts: found.accounts, events: found.events, first: found.first, last: found.last })}{Number(found.share) < 1 && t("signal_page.part", { share: percent(found.share, 0) })}</span>
        <br />{t("signal_page.feedback", { confirmed: found.new.confirmed, dismissed: found.new.dismissed, lost_confirmed: found.lost_confirmed, lost_dismissed: found.lost_dismissed })}
      </p>
      {Object.keys(found.unknown_kinds).length > 0 && <Alert type="warning" style={{ marginBottom: 8 }} title={t("signal_page.unknown", { kinds: Object.entries(found.unknown_kinds).map(([kind, seen]) => `${kind} (${seen})`).join(", ") })} />}
      <div className="pictures">
        <div>
          <div className="muted">{t("signal_page.by_day")}</div>
          <Chart label={t("signal_page.by_day")} height={220} option={{
            tooltip: { trigger: "axis" }, legend: { top: 0 },
            xAxis: { type: "category", data: found.new.by_day.map((row) => row.on.slice(5)) },
            yAxis: { type: "value", minInterval: 1 },
            series: [
              { name: t("signal_page.this"), type: "bar", color: "#0f5257", data: found.new.by_day.map((row) => row.count) },
              { name: t("signal_page.live"), type: "line", color: "#d9822b", showSymbol: false, data: found.live.by_day.map((row) => row.count) },
            ],
          }} />
        </div>
        <div>
          <div className="muted">{t("signal_page.by_rule")}</div>
          <Chart label={t("signal_page.by_rule")} height={Math.max(120, 40 + 34 * rules.length)} option={{
            tooltip: { trigger: "axis" }, legend: { top: 0 },
            xAxis: { type: "value", minInterval: 1 },
            yAxis: { type: "category", inverse: true, data: rules.map((rule) => name("signal", rule)) },
            series: [
              { name: t("signal_page.this"), type: "bar", color: "#0f5257", data: rules.map((rule) => count(found.new, rule)) },
              { name: t("signal_page.live"), type: "bar", color: "#d9822b", data: rules.map((rule) => count(found.live, rule)) },
            ],
          }} />
        </div>
      </div>
      <div className="muted">{t("signal_page.samples")}</div>
      <Rows rowKey={(row) => row.alert_id} dataSource={found.samples} locale={{ emptyText: t("signal_page.none") }} pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }} columns={[
        { title: t("field.at"), dataIndex: "at", render: moment },
        { title: t("alert.severity"), dataIndex: "severity", render: (value, row) => <><Code group="severity" value={value} />{row.is_new && <Tag color="purple">{t("signal_page.is_new")}</Tag>}</> },
        { title: t("alert.rule"), dataIndex: "rule", render: (value) => name("signal", value) },
        { title: t("alert.evidence"), render: (_, row) => <div className="wrap">{pick(row.evidence as { zh?: string; en?: string })}</div> },
        { title: t("account.one"), dataIndex: "account_id", render: (value) => <Id value={value} to={accountLink(value)} /> },
      ]} />
    </>
  );
}
