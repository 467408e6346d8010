// Finding an account: by the person's identity number, by its id, or among those with recent alerts.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Alert, Button, Card, Form, Input } from "antd";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { accountLink } from "../parts/AlertDetail";
import { Rows } from "../parts/Rows";
import { Code, Id, moment } from "../parts/show";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

export default function AccountsPage() {
  const { t } = useSpeech();
  const { may } = useSession();
  return (
    <main className="page">
      <h1>{t("nav.accounts")}</h1>
      <Card size="small" title={t("account.find")} style={{ marginBottom: 12 }}><Find /></Card>
      {may("GET /api/alerts") && <Watched />}
    </main>
  );
}

function Find() {
  const { t } = useSpeech();
  const { may } = useSession();
  const navigate = useNavigate();
  const [nobody, setNobody] = useState(false);
  const search = useAct(
    (number: string) => body(api.POST("/api/borrowers/search", { body: { id_number: number } })),
    (found: Schema["Found"]) => (found.borrower ? navigate(accountLink(found.borrower.borrower_id)) : setNobody(true)),
  );
  return (
    <>
      <div style={{ display: "flex", flexWrap: "wrap", gap: 24 }}>
        {may("POST /api/borrowers/search") && (
          <Form layout="inline" onFinish={({ number }: { number: string }) => { setNobody(false); search.mutate(number.trim()); }}>
            <Form.Item name="number" label={t("account.id_number")} rules={[{ required: true, pattern: /^\s*\d{17}[\dXx]\s*$/, message: t("account.id_number") }]}><Input maxLength={20} autoComplete="off" style={{ width: 220, maxWidth: "60vw" }} /></Form.Item>
            <Button htmlType="submit" type="primary" loading={search.isPending}>{t("account.search")}</Button>
          </Form>
        )}
        <Form layout="inline" onFinish={({ id }: { id: string }) => navigate(accountLink(id.trim()))}>
          <Form.Item name="id" label={t("account.by_id")} rules={[{ required: true, message: t("account.by_id") }]}><Input maxLength={100} style={{ width: 280, maxWidth: "60vw" }} /></Form.Item>
          <Button htmlType="submit">{t("account.search")}</Button>
        </Form>
      </div>
      {may("POST /api/borrowers/search") && <p className="muted" style={{ margin: "8px 0 0" }}>{t("account.recorded")}</p>}
      {nobody && <Alert type="info" title={t("account.nobody")} style={{ marginTop: 8 }} />}
    </>
  );
}

function Watched() {
  const { t, name, pick } = useSpeech();
  const query = useQuery({ queryKey: ["alerts", "accounts"], placeholderData: keepPreviousData, queryFn: () => body(api.GET("/api/alerts", { params: { query: { size: 100 } } })) });
  const newest = new Map<string, Schema["AlertRow"]>();
  for (const alert of query.data?.items ?? []) if (!newest.has(alert.account_id)) newest.set(alert.account_id, alert);
  return (
    <Card size="small" title={t("account.watched")}>
      <Rows
        loading={query.isPending}
        rowKey={(row) => row.account_id}
        dataSource={[...newest.values()]}
        locale={{ emptyText: t("list.empty") }}
        columns={[
          { title: t("account.one"), dataIndex: "account_id", render: (value) => <Id value={value} to={accountLink(value)} /> },
          { title: t("account.last_alert"), dataIndex: "at", render: moment },
          { title: t("alert.severity"), dataIndex: "severity", render: (value) => <Code group="severity" value={value} /> },
          { title: t("alert.rule"), dataIndex: "rule", render: (value) => name("signal", value) },
          { title: t("alert.evidence"), render: (_, row) => <div className="wrap">{pick(row.evidence as { zh?: string; en?: string })}</div> },
        ]}
      />
    </Card>
  );
}
