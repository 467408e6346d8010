// Who may sign in and as what; an admin adds people, changes roles, locks and gives new passwords, an auditor reads.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Form, Input, Modal, Select, Space, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { Listing, useFilters } from "../parts/Listing";
import { moment } from "../parts/show";
import { Sure } from "../parts/Sure";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

const ROLES = ["risk", "collector", "legal", "auditor", "admin"] as const;

export default function UsersPage() {
  const { t, code } = useSpeech();
  const { may } = useSession();
  const state = useFilters();
  const [adding, setAdding] = useState(false);
  const [reset, setReset] = useState<Schema["UserRow"]>();
  const query = useQuery({
    queryKey: ["users", state.values], placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/users", { params: { query: state.query("role") as never } })),
  });
  const { message } = AntApp.useApp();
  const change = useAct(
    ({ id, what }: { id: string; what: Schema["UserChange"] }) => body(api.PATCH("/api/users/{user_id}", { params: { path: { user_id: id }, header: once() }, body: what })),
    () => { message.success(t("user.changed")); },
  );
  const roles = ROLES.map((value) => ({ value, label: code("role", value) }));
  const changes = may("PATCH /api/users/{user_id}");
  return (
    <main className="page">
      <h1>{t("nav.users")} {may("POST /api/users") && <Button size="small" type="primary" onClick={() => setAdding(true)}>{t("user.add")}</Button>}</h1>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.user_id}
        filters={[{ name: "role", label: t("user.role"), options: roles }]}
        columns={[
          { title: t("user.login"), dataIndex: "login", render: (value) => <strong>{value}</strong> },
          { title: t("user.name"), dataIndex: "name" },
          {
            title: t("user.role"), dataIndex: "role",
            render: (value, row) => (changes ? <Select size="small" variant="borderless" popupMatchSelectWidth={false} aria-label={t("user.role")} value={value} options={roles} onChange={(role: (typeof ROLES)[number]) => change.mutate({ id: row.user_id, what: { role } })} /> : code("role", value)),
          },
          { title: t("user.active"), dataIndex: "active", render: (value) => <Tag color={value ? "green" : undefined}>{code("user_status", String(value))}</Tag> },
          { title: t("user.created"), dataIndex: "created_at", render: moment },
          ...(changes ? [{
            title: "", render: (_: unknown, row: Schema["UserRow"]) => (
              <Space size={4}>
                {row.active
                  ? <Sure size="small" question={t("sure.lock", { login: row.login })} disabled={change.isPending} onSure={() => change.mutate({ id: row.user_id, what: { active: false } })}>{t("user.lock")}</Sure>
                  : <Button size="small" disabled={change.isPending} onClick={() => change.mutate({ id: row.user_id, what: { active: true } })}>{t("user.unlock")}</Button>}
                <Button size="small" onClick={() => setReset(row)}>{t("user.reset")}</Button>
              </Space>
            ),
          }] : []),
        ]}
      />
      {adding && <Add roles={roles} onClose={() => setAdding(false)} />}
      {reset && <Reset user={reset} onClose={() => setReset(undefined)} />}
    </main>
  );
}

function Add({ roles, onClose }: { roles: { value: string; label: string }[]; onClose: () => void }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [form] = Form.useForm<Schema["NewUser"]>();
  const [header] = useState(once);
  const act = useAct(
    (said: Schema["NewUser"]) => body(api.POST("/api/users", { params: { header }, body: { ...said, name: said.name ?? "" } })),
    () => { message.success(t("user.added")); onClose(); },
  );
  return (
    <Modal open title={t("user.add")} onCancel={onClose} okText={t("user.add")} confirmLoading={act.isPending} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" onFinish={(said) => act.mutate(said)} autoComplete="off">
        <Form.Item name="login" label={t("user.login")} rules={[{ required: true, pattern: /^[a-z0-9][a-z0-9._@-]{1,63}$/, message: t("user.bad_login") }]}><Input autoComplete="off" /></Form.Item>
        <Form.Item name="name" label={t("user.name")}><Input maxLength={100} /></Form.Item>
        <Form.Item name="role" label={t("user.role")} rules={[{ required: true, message: t("user.role") }]}><Select options={roles} /></Form.Item>
        <Form.Item name="password" label={t("user.password")} rules={[{ required: true, min: 12, message: t("user.password") }]}><Input.Password autoComplete="new-password" /></Form.Item>
      </Form>
    </Modal>
  );
}

function Reset({ user, onClose }: { user: Schema["UserRow"]; onClose: () => void }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [form] = Form.useForm<{ password: string }>();
  const [header] = useState(once);
  const act = useAct(
    (password: string) => body(api.PATCH("/api/users/{user_id}", { params: { path: { user_id: user.user_id }, header }, body: { password } })),
    () => { message.success(t("user.changed")); onClose(); },
  );
  return (
    <Modal open title={`${t("user.reset")} · ${user.login}`} onCancel={onClose} okText={t("user.reset")} confirmLoading={act.isPending} onOk={() => form.submit()}>
      <Form form={form} layout="vertical" onFinish={({ password }) => act.mutate(password)}>
        <Form.Item name="password" label={t("user.password")} rules={[{ required: true, min: 12, message: t("user.password") }]}><Input.Password autoComplete="new-password" /></Form.Item>
      </Form>
    </Modal>
  );
}
