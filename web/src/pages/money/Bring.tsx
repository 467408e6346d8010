// A bank's statement brought in: the file is read in the browser, its columns are recognised or named.
import { Alert, Button, Form, Input, Modal, Select, Upload } from "antd";
import { useState } from "react";
import { api, body, once } from "../../api/client";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { cellsOf, guessColumns, textOf } from "../../parts/csv";
import { useAct } from "../../parts/useAct";
import { Told } from "./Statements";

const FIELDS = ["value_date", "amount", "credit", "debit", "entry_reference", "end_to_end", "texts", "virtual_account", "payer", "balance"] as const;
/** Header words that banks use, in order of preference. */
const KNOWN: Record<(typeof FIELDS)[number], string[]> = {
  value_date: ["交易日期", "起息日", "入账日期", "记账日期", "value date", "date", "day"],
  amount: ["金额", "交易金额", "发生额", "amount"],
  credit: ["收入", "贷方发生额", "贷方金额", "credit"],
  debit: ["支出", "借方发生额", "借方金额", "debit"],
  entry_reference: ["流水号", "交易流水号", "凭证号", "entry", "reference"],
  end_to_end: ["端到端标识", "end to end", "end_to_end"],
  texts: ["附言", "摘要", "用途", "备注", "text", "remark", "description"],
  virtual_account: ["子账号", "虚拟账号", "virtual account"],
  payer: ["对方账号", "付款账号", "payer"],
  balance: ["余额", "账户余额", "balance"],
};

type Columns = Partial<Record<(typeof FIELDS)[number], string>>;

/** The columns by their header; where the amount is signed, money in and out are not looked for. */
function guess(header: string[]): Columns {
  const found = guessColumns(header, KNOWN);
  return found.amount ? { ...found, credit: undefined, debit: undefined } : found;
}

export function Bring() {
  const { t } = useSpeech();
  const [open, setOpen] = useState(false);
  const [file, setFile] = useState<{ name: string; text: string; header: string[] }>();
  const [columns, setColumns] = useState<Columns>({});
  const [account, setAccount] = useState("");
  const [dates, setDates] = useState("%Y-%m-%d");
  const [header, setHeader] = useState(once);
  const csv = file !== undefined && !file.name.toLowerCase().endsWith(".xml");
  const act = useAct(() => {
    const { texts, ...rest } = columns;
    const mapping = csv ? { date_format: dates, columns: { ...rest, ...(texts ? { texts: [texts] } : {}) } } : undefined;
    const sent = { file_name: file!.name, content: file!.text, account: account.trim(), ...(mapping ? { mapping } : {}) };
    return body(api.POST("/api/money/statements", { params: { header }, body: sent as never }));
  }, () => setHeader(once()));
  const take = async (chosen: File) => {
    const text = await textOf(chosen);
    const names = cellsOf(text.split(/\r?\n/, 1)[0] ?? "")?.[0] ?? [];
    setFile({ name: chosen.name, text, header: names });
    setColumns(guess(names));
    act.reset();
    setHeader(once());
  };
  return (
    <>
      <Button type="primary" onClick={() => setOpen(true)}>{t("money.bring")}</Button>
      <Modal
        open={open} width={640} title={t("money.bring")} onCancel={() => setOpen(false)} okText={t("money.send")} onOk={() => act.mutate(undefined)}
        cancelText={act.data ? t("money.close") : undefined} okButtonProps={{ disabled: !file || (csv && !account.trim()), loading: act.isPending }}
      >
        <div className="flow">
          <Upload accept=".csv,.xml" maxCount={1} beforeUpload={(chosen) => { void take(chosen); return false; }}><Button>{t("money.choose")}</Button></Upload>
          <Input aria-label={t("money.account_name")} placeholder={t("money.account_name")} value={account} onChange={(event) => setAccount(event.target.value)} />
          {csv && (
            <Form size="small" labelCol={{ span: 9 }} title={t("money.columns")}>
              {FIELDS.map((field) => (
                <Form.Item key={field} label={t(`money.col.${field}` as Key)} style={{ marginBottom: 4 }}>
                  <Select
                    allowClear aria-label={t(`money.col.${field}` as Key)} value={columns[field]} options={file.header.map((name) => ({ value: name, label: name }))}
                    onChange={(name?: string) => setColumns(({ [field]: _, ...rest }) => (name ? { ...rest, [field]: name } : rest))}
                  />
                </Form.Item>
              ))}
              <Form.Item label={t("money.date_format")} style={{ marginBottom: 4 }}>
                <Select aria-label={t("money.date_format")} value={dates} onChange={setDates}
                  options={[["%Y-%m-%d", "2026-06-30"], ["%Y%m%d", "20260630"], ["%Y/%m/%d", "2026/06/30"]].map(([value, label]) => ({ value, label }))} />
              </Form.Item>
            </Form>
          )}
          {act.data?.items.map((report) => (
            <Alert key={report.statement_id} type={report.reconciled ? "success" : "warning"} title={<Told report={report} />} />
          ))}
        </div>
      </Modal>
    </>
  );
}
