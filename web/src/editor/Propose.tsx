// Propose a draft for release from a day on; another person approves it.
import { App as AntApp, Button, DatePicker, Form, Input, Modal } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, body, once } from "../api/client";
import { useSpeech } from "../i18n";
import { useAct } from "../parts/useAct";

export function Propose({ draft, disabled }: { draft: string; disabled: boolean }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const navigate = useNavigate();
  const [open, setOpen] = useState(false);
  const [form] = Form.useForm<{ from: Dayjs; remark?: string }>();
  const act = useAct(
    ({ from, remark }: { from: Dayjs; remark?: string }) => body(api.POST("/api/policy-drafts/{draft_id}/propose", {
      params: { path: { draft_id: draft }, header: once() }, body: { effective_from: from.format("YYYY-MM-DD"), remark: remark ?? "" },
    })),
    (made) => { message.success(t("release.proposed_now")); navigate(`/policies/${made.release_id}`); },
  );
  return (
    <>
      <Button size="small" type="primary" disabled={disabled} onClick={() => setOpen(true)}>{t("release.propose")}</Button>
      <Modal open={open} title={t("release.propose")} onCancel={() => setOpen(false)} okText={t("release.propose")} confirmLoading={act.isPending} onOk={() => form.submit()}>
        <p className="muted">{t("release.four_eyes")}</p>
        <Form form={form} layout="vertical" onFinish={(said) => act.mutate(said)} initialValues={{ from: dayjs().startOf("day").add(1, "day") }}>
          <Form.Item name="from" label={t("policy.since")} rules={[{ required: true, message: t("release.need_day") }]}>
            <DatePicker style={{ width: "100%" }} allowClear={false} />
          </Form.Item>
          <Form.Item name="remark" label={t("release.why")}><Input.TextArea rows={3} maxLength={500} /></Form.Item>
        </Form>
      </Modal>
    </>
  );
}
