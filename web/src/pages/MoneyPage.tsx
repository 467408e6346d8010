// The clearing account: what came in and is nobody's yet, what went out unexplained, and the bank's statements.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App as AntApp, Alert, Button, Card, Form, Input, Modal, Select, Space, Tag, Upload } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import type { Key } from "../i18n/words";
import { Listing, useFilters } from "../parts/Listing";
import { Rows } from "../parts/Rows";
import { Id, yuan } from "../parts/show";
import { useAct } from "../parts/useAct";
import { useSession } from "../session";

type Held = Schema["Held"];
type Outgoing = Schema["Outgoing"];

export default function MoneyPage() {
  const { t } = useSpeech();
  const { may } = useSession();
  return (
    <main className="page">
      <h1>{t("nav.money")} {may("POST /api/money/statements") && <Bring />}</h1>
      <div className="flow">
        <Suspense />
        <Outgoings />
        <Statements />
      </div>
    </main>
  );
}

/** Why money is held, in Chinese; the interface says it in English. */
const WHY: [RegExp, string][] = [
  [/^no loan's id, virtual account or known payer in it$/, "附言、子账号与对方账号均未对应到贷款"],
  [/^its references name (\d+) loans$/, "附言同时提到 $1 笔贷款"],
  [/^the payer has no open loan$/, "付款人没有未结清的贷款"],
  [/^the payer has (\d+) open loans, and the amount tells none of them$/, "付款人有 $1 笔未结清贷款，金额与任何一笔都不相符"],
  [/^the payer has (\d+) open loans, and the amount tells more than one of them$/, "付款人有 $1 笔未结清贷款，金额与其中多笔相符"],
  [/^its booking was reversed$/, "原入账已冲正"],
  [/^the claim was sold; the money belongs to its buyer$/, "债权已转让，款项属于受让方"],
  [/^the payment reference is that of receipt (\S+) over ([\d.]+)$/, "支付标识与来款 $1（$2 元）相同"],
];

function why(reason: string, language: string): string {
  if (language !== "zh") return reason;
  const found = WHY.find(([pattern]) => pattern.test(reason));
  return found ? reason.replace(found[0], found[1]) : reason;
}

function Suspense() {
  const { t, language } = useSpeech();
  const [page, setPage] = useState(1);
  const query = useQuery({
    queryKey: ["money", "suspense", page],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/money/suspense", { params: { query: { page, size: 20 } } })),
  });
  return (
    <Card size="small" title={t("money.suspense")} extra={query.data && <strong>{t("money.held_total", { amount: yuan(query.data.amount) })}</strong>}>
      <Rows<Held>
        loading={query.isPending}
        rowKey={(row) => row.receipt_id}
        dataSource={query.data?.items ?? []}
        locale={{ emptyText: t("money.none") }}
        pagination={{ current: page, pageSize: 20, total: query.data?.total ?? 0, hideOnSinglePage: true, onChange: setPage }}
        columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("money.days"), dataIndex: "days", align: "right", render: (days: number) => <span className={days > 7 ? "bad" : ""}>{days}</span> },
          { title: t("money.origin"), dataIndex: "origin" },
          { title: t("field.reason"), dataIndex: "reason", render: (value) => <div className="wrap">{why(value, language)}</div> },
          { title: "", render: (_, row) => <Space><AssignIt row={row} /><SendBack row={row} /></Space> },
        ]}
      />
    </Card>
  );
}

function AssignIt({ row }: { row: Held }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const [open, setOpen] = useState(false);
  const [loan, setLoan] = useState("");
  const [header] = useState(once);
  const found = useQuery({
    queryKey: ["money", "candidates", row.receipt_id],
    enabled: open,
    queryFn: () => body(api.GET("/api/money/suspense/{receipt_id}/candidates", { params: { path: { receipt_id: row.receipt_id } } })),
  });
  const act = useAct(
    () => body(api.POST("/api/money/suspense/{receipt_id}/assign", { params: { path: { receipt_id: row.receipt_id }, header }, body: { loan_id: loan.trim() } })),
    () => { message.success(t("money.assigned")); setOpen(false); },
  );
  if (!may("POST /api/money/suspense/{receipt_id}/assign")) return null;
  const candidates = found.data?.items ?? [];
  return (
    <>
      <Button size="small" type="primary" onClick={() => setOpen(true)}>{t("money.assign")}</Button>
      <Modal
        open={open} title={`${t("money.assign_to")} · ¥${yuan(row.amount)} · ${row.on}`} okText={t("money.assign")}
        okButtonProps={{ disabled: !loan.trim(), loading: act.isPending }} onOk={() => act.mutate(undefined)} onCancel={() => setOpen(false)}
      >
        <p className="muted">{found.isPending ? "…" : candidates.length ? t("money.candidates") : t("money.no_candidates")}</p>
        <div className="flow">
          {candidates.map((one) => (
            <Button key={one.loan_id} block type={loan === one.loan_id ? "primary" : "default"} onClick={() => setLoan(one.loan_id)}>
              {one.loan_id} · dpd {one.dpd} · {t(one.why === "asked" ? "money.asked" : "money.overdue")}
            </Button>
          ))}
          <Input aria-label={t("field.loan")} placeholder={t("field.loan")} value={loan} onChange={(event) => setLoan(event.target.value)} />
        </div>
      </Modal>
    </>
  );
}

function SendBack({ row }: { row: Held }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    (reason: string) => body(api.POST("/api/money/suspense/{receipt_id}/return", { params: { path: { receipt_id: row.receipt_id }, header }, body: { reason } })),
    () => message.success(t("money.returned")),
  );
  if (!may("POST /api/money/suspense/{receipt_id}/return")) return null;
  return <Ask label={t("money.return")} question={t("money.return_why")} pending={act.isPending} answer={(reason) => act.mutate(reason)} />;
}

function Outgoings() {
  const { t } = useSpeech();
  const [page, setPage] = useState(1);
  const query = useQuery({
    queryKey: ["money", "outgoing", page],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/money/outgoing", { params: { query: { page, size: 20 } } })),
  });
  return (
    <Card size="small" title={t("money.outgoing")} extra={query.data && <strong>{t("money.held_total", { amount: yuan(query.data.amount) })}</strong>}>
      <Rows<Outgoing>
        loading={query.isPending}
        rowKey={(row) => row.line_id}
        dataSource={query.data?.items ?? []}
        locale={{ emptyText: t("money.none") }}
        pagination={{ current: page, pageSize: 20, total: query.data?.total ?? 0, hideOnSinglePage: true, onChange: setPage }}
        columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("money.days"), dataIndex: "days", align: "right", render: (days: number) => <span className={days > 7 ? "bad" : ""}>{days}</span> },
          { title: t("money.bank_reference"), dataIndex: "entry_reference" },
          { title: "", render: (_, row) => <Explain row={row} /> },
        ]}
      />
    </Card>
  );
}

function Explain({ row }: { row: Outgoing }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const [other] = useState(once);
  const params = { path: { line_id: row.line_id } };
  const match = useAct(
    (entry_id: string) => body(api.POST("/api/money/outgoing/{line_id}/match", { params: { ...params, header }, body: { entry_id } })),
    () => message.success(t("money.matched")),
  );
  const charge = useAct(
    (reason: string) => body(api.POST("/api/money/outgoing/{line_id}/charge", { params: { ...params, header: other }, body: { reason } })),
    () => message.success(t("money.charged")),
  );
  if (!may("POST /api/money/outgoing/{line_id}/match")) return null;
  return (
    <Space>
      <Ask label={t("money.match")} question={t("money.match_entry")} pending={match.isPending} answer={(entry) => match.mutate(entry)} />
      <Ask label={t("money.charge")} question={t("money.charge_why")} pending={charge.isPending} answer={(reason) => charge.mutate(reason)} />
    </Space>
  );
}

/** A button that asks for one line of text before it acts. */
function Ask({ label, question, pending, answer }: { label: string; question: string; pending: boolean; answer: (text: string) => void }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  return (
    <>
      <Button size="small" loading={pending} onClick={() => setOpen(true)}>{label}</Button>
      <Modal
        open={open} title={label} okText={label} okButtonProps={{ disabled: !text.trim() }} onCancel={() => setOpen(false)}
        onOk={() => { setOpen(false); answer(text.trim()); }}
      >
        <Input aria-label={question} placeholder={question} value={text} onChange={(event) => setText(event.target.value)} />
      </Modal>
    </>
  );
}

function Statements() {
  const { t } = useSpeech();
  const state = useFilters();
  const query = useQuery({
    queryKey: ["money", "statements", state.values],
    placeholderData: keepPreviousData,
    queryFn: () => body(api.GET("/api/money/statements", { params: { query: state.query() as never } })),
  });
  return (
    <Card size="small" title={t("money.statements")}>
      <Listing
        query={query}
        state={state}
        rowKey={(row) => row.statement_id}
        columns={[
          { title: t("money.closed_on"), dataIndex: "closed_on" },
          { title: t("money.account"), dataIndex: "account" },
          { title: t("money.opening"), dataIndex: "opening", align: "right", render: yuan },
          { title: t("money.closing"), dataIndex: "closing", align: "right", render: yuan },
          { title: t("money.lines"), dataIndex: "lines", align: "right" },
          { title: t("money.open"), dataIndex: "open", align: "right", render: (value) => <strong className={value ? "bad" : ""}>{value}</strong> },
          { title: t("money.refused"), dataIndex: "refused", align: "right", render: (value) => <strong className={value ? "bad" : ""}>{value}</strong> },
          { title: "", dataIndex: "statement_id", render: (value) => <Id value={value} /> },
        ]}
        detail={(row) => <Report statementId={row.statement_id} />}
      />
    </Card>
  );
}

interface Row { row: number; on: string | null; amount: string | null; reason: string }

function Report({ statementId }: { statementId: string }) {
  const { t } = useSpeech();
  const query = useQuery({
    queryKey: ["money", "statement", statementId],
    queryFn: () => body(api.GET("/api/money/statements/{statement_id}", { params: { path: { statement_id: statementId } } })),
  });
  if (!query.data) return null;
  return <Told report={query.data} t={t} />;
}

function Told({ report, t }: { report: Schema["StatementOut"]; t: ReturnType<typeof useSpeech>["t"] }) {
  const { code } = useSpeech();
  const refused = (report as { refused?: Row[] }).refused ?? [];
  const lines = Object.entries(report.lines).filter(([, n]) => n).map(([name, n]) => `${code("money_outcome", name)} ${n}`).join(" · ");
  return (
    <div className="flow">
      <Space wrap>
        <Tag color={report.reconciled ? "green" : "red"}>{t(report.reconciled ? "money.reconciled" : "money.not_reconciled")}</Tag>
        <span>{t("money.report", { account: String((report as { account?: string }).account ?? ""), lines: Object.values(report.lines).reduce((sum, n) => sum + n, 0), difference: yuan(report.difference) })}</span>
        <span className="muted">{lines}</span>
      </Space>
      {refused.length > 0 && (
        <Rows<Row>
          rowKey={(row) => String(row.row)}
          dataSource={refused}
          columns={[
            { title: t("money.lines"), dataIndex: "row" },
            { title: t("field.on"), dataIndex: "on" },
            { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
            { title: t("field.reason"), dataIndex: "reason", render: (value) => <div className="wrap">{value}</div> },
          ]}
        />
      )}
    </div>
  );
}

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

/** The header of a CSV: cells of its first line. */
function headerOf(text: string): string[] {
  return (text.replace(/^\uFEFF/, "").split(/\r?\n/)[0] ?? "").split(",").map((cell) => cell.trim().replace(/^"|"$/g, ""));
}

function guess(header: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const field of FIELDS) {
    const name = KNOWN[field].map((known) => header.find((cell) => cell.toLowerCase() === known)).find(Boolean);
    if (name && !(field !== "amount" && (field === "credit" || field === "debit") && found.amount)) found[field] = name;
  }
  return found;
}

/** A bank's file as text: UTF-8, or else GB 18030. */
async function textOf(file: File): Promise<string> {
  const bytes = await file.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("gb18030").decode(bytes);
  }
}

function Bring() {
  const { t } = useSpeech();
  const [open, setOpen] = useState(false);
  const [file, setFile] = useState<{ name: string; text: string; header: string[] }>();
  const [columns, setColumns] = useState<Record<string, string>>({});
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
    const names = headerOf(text);
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
            <Alert key={report.statement_id} type={report.reconciled ? "success" : "warning"} title={<Told report={report} t={t} />} />
          ))}
        </div>
      </Modal>
    </>
  );
}
