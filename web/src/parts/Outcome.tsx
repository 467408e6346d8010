// What came of a work item; a promise to pay carries its amount and day.
import { App as AntApp, DatePicker, Form, Input, Modal, Select } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { yuan } from "./show";
import { useAct } from "./useAct";

const RESULTS = ["answered", "unanswered", "promise", "paid", "refused", "hardship", "complaint", "wrong_number", "sent", "failed"] as const;

interface Entered {
  result: (typeof RESULTS)[number];
  at: Dayjs;
  amount?: string;
  due_on?: Dayjs;
  note?: string;
}

export function Outcome({ item, onClose }: { item: Schema["WorkRow"]; onClose: () => void }) {
  const { t, code } = useSpeech();
  const { message } = AntApp.useApp();
  const [form] = Form.useForm<Entered>();
  const [header] = useState(once);
  const promised = Form.useWatch("result", form) === "promise";
  const act = useAct(
    (said: Entered) =>
      body(api.POST("/api/work/{item_id}/outcome", {
        params: { path: { item_id: item.item_id }, header },
        body: {
          result: said.result,
          at: `${said.at.format("YYYY-MM-DDTHH:mm:00")}+08:00`,
          note: said.note ?? "",
          promise: said.result === "promise" ? { amount: said.amount ?? "", due_on: said.due_on?.format("YYYY-MM-DD") ?? "" } : null,
        },
      })),
    () => { message.success(t("work.saved")); onClose(); },
  );
  const planned = dayjs(item.at.slice(0, 16));
  const now = dayjs(new Date().toLocaleString("sv-SE", { timeZone: "Asia/Shanghai" }));
  const happened = now.isSame(planned, "day") ? now : planned;
  const made = (Form.useWatch("at", form) ?? happened).startOf("day");
  return (
    <Modal open title={`${t("work.outcome")} · ${code("action", item.action)} · ${item.name ?? ""}`} onCancel={onClose} okText={t("work.save")} confirmLoading={act.isPending} onOk={() => form.submit()}>
      <p className="muted">{t("field.overdue")} {yuan(item.overdue)} · {t("field.dpd")} {item.dpd}</p>
      <Form form={form} layout="vertical" onFinish={(said) => act.mutate(said)} initialValues={{ at: happened, amount: item.overdue, due_on: happened.startOf("day").add(7, "day") }}>
        <Form.Item name="result" label={t("work.result")} rules={[{ required: true, message: t("work.need_result") }]}>
          <Select options={RESULTS.map((value) => ({ value, label: code("result", value) }))} />
        </Form.Item>
        <Form.Item name="at" label={t("work.happened")} rules={[{ required: true, message: t("work.need_result") }]}>
          <DatePicker showTime={{ format: "HH:mm" }} format="YYYY-MM-DD HH:mm" allowClear={false} style={{ width: "100%" }} />
        </Form.Item>
        {promised && (
          <div style={{ display: "grid", gridTemplateColumns: "1fr 1fr", gap: 12 }}>
            <Form.Item name="amount" label={t("work.promise_amount")} rules={[{ required: true, pattern: /^\d+(\.\d{1,2})?$/, message: t("loan.bad_amount") }]}>
              <Input prefix="¥" inputMode="decimal" />
            </Form.Item>
            <Form.Item name="due_on" label={t("work.promise_on")} rules={[{ required: true, message: t("work.need_promise") }]}>
              <DatePicker style={{ width: "100%" }} disabledDate={(value) => value.isBefore(made, "day") || value.isAfter(made.add(60, "day"), "day")} />
            </Form.Item>
          </div>
        )}
        <Form.Item name="note" label={t("field.note")} extra={t("work.note_hint")}>
          <Input.TextArea rows={2} maxLength={500} />
        </Form.Item>
      </Form>
    </Modal>
  );
}
