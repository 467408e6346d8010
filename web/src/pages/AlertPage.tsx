// A thing of the alerts' room by its id: one alert, or a case with the alerts that belong together.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Form, Input, Select, Space } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { accountLink, AlertDetail, alertLink } from "../parts/AlertDetail";
import { Facts } from "../parts/Facts";
import { Code, Id, moment } from "../parts/show";
import { useAct } from "../parts/useAct";
import { Wait } from "../parts/Wait";
import { useSession } from "../session";

export default function AlertPage() {
  const { t } = useSpeech();
  const { id = "" } = useParams();
  if (id.startsWith("ac_")) return <CasePage id={id} />;
  return (
    <main className="page">
      <h1>{t("alert.one")} <Id value={id} /></h1>
      <p><Link to="/alerts">{t("list.back")}</Link></p>
      <Card size="small"><AlertDetail key={id} id={id} /></Card>
    </main>
  );
}

function CasePage({ id }: { id: string }) {
  const query = useQuery({ queryKey: ["alert-case", id], queryFn: () => body(api.GET("/api/alert-cases/{case_id}", { params: { path: { case_id: id } } })) });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["AlertCaseOut"] }) {
  const { t, code, name, pick } = useSpeech();
  const { may } = useSession();
  const [open, setOpen] = useState<string>();
  return (
    <>
      <h1>{t("alert_case.one")} <Id value={data.case_id} /> <Code group="severity" value={data.severity} /> <Code group="case_status" value={data.status} /></h1>
      <p><Space><Link to="/alerts?tab=cases">{t("list.back")}</Link><Link to={accountLink(data.account_id)}>{t("account.go")}</Link></Space></p>
      <div className="pictures">
        <Card size="small">
          <Facts items={[
            { label: t("field.borrower"), children: data.borrower?.name ?? "–" },
            { label: t("account.one"), children: <Id value={data.account_id} to={accountLink(data.account_id)} /> },
            { label: t("alert_case.opened"), children: moment(data.opened_at) },
            { label: t("alert_case.opened_by"), children: name("actor", data.opened_by) },
            ...(data.status === "closed" ? [
              { label: t("alert_case.closed_at"), children: `${moment(data.closed_at)} · ${name("actor", data.closed_by)}` },
              { label: t("alert_case.verdict"), children: <Code group="alert_status" value={data.verdict} /> },
              { label: t("alert_case.measure"), children: code("measure", data.measure) },
              { label: t("field.note"), children: data.remark || "–" },
            ] : []),
          ]} />
        </Card>
        {data.status === "open" && may("POST /api/alert-cases/{case_id}/close") && <Card size="small" title={t("alert_case.close")}><Close data={data} /></Card>}
      </div>
      <Card size="small" title={t("alert_case.members")}>
        <ul className="files">
          {data.members.map((alert) => (
            <li key={alert.alert_id}>
              <Space wrap>
                <Button type="link" size="small" onClick={() => setOpen(open === alert.alert_id ? undefined : alert.alert_id)}>{moment(alert.at)}</Button>
                <Code group="severity" value={alert.severity} />
                <span>{pick(alert.evidence as { zh?: string; en?: string })}</span>
                <Code group="alert_status" value={alert.status} />
                <Link to={alertLink(alert.alert_id)}>{name("signal", alert.rule)}</Link>
              </Space>
              {open === alert.alert_id && <AlertDetail id={alert.alert_id} />}
            </li>
          ))}
        </ul>
      </Card>
    </>
  );
}

const MEASURES = ["none", "contact", "line", "plan", "legal"] as const;

function Close({ data }: { data: Schema["AlertCaseOut"] }) {
  const { t, code } = useSpeech();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    (said: Schema["CloseCase"]) => body(api.POST("/api/alert-cases/{case_id}/close", { params: { path: { case_id: data.case_id }, header }, body: { ...said, remark: said.remark ?? "" } })),
    () => { message.success(t("alert_case.closed")); },
  );
  return (
    <Form layout="vertical" onFinish={(said: Schema["CloseCase"]) => act.mutate(said)}>
      <div style={{ display: "grid", gridTemplateColumns: "1fr 1fr", gap: 12 }}>
        <Form.Item name="verdict" label={t("alert_case.verdict")} rules={[{ required: true, message: t("work.need_result") }]}>
          <Select options={["confirmed", "dismissed"].map((value) => ({ value, label: code("alert_status", value) }))} />
        </Form.Item>
        <Form.Item name="measure" label={t("alert_case.measure")} rules={[{ required: true, message: t("work.need_result") }]}>
          <Select options={MEASURES.map((value) => ({ value, label: code("measure", value) }))} />
        </Form.Item>
      </div>
      <Form.Item name="remark" label={t("alert_case.remark")}><Input.TextArea rows={2} maxLength={500} /></Form.Item>
      <Button type="primary" htmlType="submit" loading={act.isPending}>{t("alert_case.close")}</Button>
    </Form>
  );
}
