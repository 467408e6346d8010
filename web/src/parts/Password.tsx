// One's own password: the present one, and twice the one to come.
import { App as AntApp, Button, Form, Input, Modal } from "antd";
import { useState } from "react";
import { api, once } from "../api/client";
import { useSpeech } from "../i18n";
import { useAct } from "./useAct";

interface Said {
  current: string;
  next: string;
  again: string;
}

export function Password() {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [open, setOpen] = useState(false);
  const [form] = Form.useForm<Said>();
  const act = useAct(
    (said: Said) => api.POST("/api/session/password", { params: { header: once() }, body: { current: said.current, new: said.next } }),
    () => { message.success(t("password.done")); setOpen(false); },
  );
  return (
    <>
      <Button size="small" type="text" onClick={() => setOpen(true)}>{t("password.change")}</Button>
      <Modal open={open} title={t("password.change")} onCancel={() => setOpen(false)} okText={t("password.change")} confirmLoading={act.isPending} onOk={() => form.submit()} destroyOnHidden>
        <Form form={form} layout="vertical" preserve={false} onFinish={(said) => act.mutate(said)}>
          <Form.Item name="current" label={t("password.old")} rules={[{ required: true, message: t("password.old") }]}><Input.Password autoComplete="current-password" /></Form.Item>
          <Form.Item name="next" label={t("password.new")} rules={[{ required: true, min: 12, message: t("password.new") }]}><Input.Password autoComplete="new-password" /></Form.Item>
          <Form.Item
            name="again" label={t("password.again")} dependencies={["next"]}
            rules={[{ required: true, message: t("password.again") }, ({ getFieldValue }) => ({ validator: (_, value) => (!value || value === getFieldValue("next") ? Promise.resolve() : Promise.reject(new Error(t("password.differ")))) })]}
          >
            <Input.Password autoComplete="new-password" />
          </Form.Item>
        </Form>
      </Modal>
    </>
  );
}
