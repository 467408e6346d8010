// Money that waits for a person: what came in and is nobody's yet, what went out unexplained.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App as AntApp, Button, Card, Input, Modal, Space, type TableColumnsType } from "antd";
import { type ReactNode, useState } from "react";
import { api, body, once, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { useFilters } from "../../parts/Listing";
import { Rows } from "../../parts/Rows";
import { yuan } from "../../parts/show";
import { useAct } from "../../parts/useAct";
import { useSession } from "../../session";

type Held = Schema["Held"];
type Outgoing = Schema["Outgoing"];

export function Suspense() {
  const { t, language } = useSpeech();
  return (
    <Waiting<Held>
      what="suspense" title={t("money.suspense")} rowKey={(row) => row.receipt_id}
      ask={(page) => body(api.GET("/api/money/suspense", { params: { query: { page, size: 20 } } }))}
      columns={[
        { title: t("money.origin"), dataIndex: "origin" },
        { title: t("field.reason"), dataIndex: "reason", render: (value) => <div className="wrap">{why(value, language)}</div> },
      ]}
      acts={(row) => <><AssignIt row={row} /><SendBack row={row} /></>}
    />
  );
}

export function Outgoings() {
  const { t } = useSpeech();
  return (
    <Waiting<Outgoing>
      what="outgoing" title={t("money.outgoing")} rowKey={(row) => row.line_id}
      ask={(page) => body(api.GET("/api/money/outgoing", { params: { query: { page, size: 20 } } }))}
      columns={[{ title: t("money.bank_reference"), dataIndex: "entry_reference" }]}
      acts={(row) => <Explain row={row} />}
    />
  );
}

interface Props<Row> {
  what: "suspense" | "outgoing";
  title: string;
  rowKey: (row: Row) => string;
  ask: (page: number) => Promise<{ items: Row[]; total: number; amount: string }>;
  columns: TableColumnsType<Row>;
  acts: (row: Row) => ReactNode;
}

/** One of the two lists, with its total; its page is in the address. */
function Waiting<Row extends { on: string; amount: string; days: number }>({ what, title, rowKey, ask, columns, acts }: Props<Row>) {
  const { t } = useSpeech();
  const state = useFilters();
  const page = Math.max(1, Math.trunc(Number(state.values[what])) || 1);
  const query = useQuery({ queryKey: ["money", what, page], placeholderData: keepPreviousData, queryFn: () => ask(page) });
  return (
    <Card size="small" title={title} extra={query.data && <strong>{t("money.held_total", { amount: yuan(query.data.amount) })}</strong>}>
      <Rows<Row>
        loading={query.isPending}
        rowKey={rowKey}
        dataSource={query.data?.items ?? []}
        locale={{ emptyText: t("money.none") }}
        pagination={{ current: page, pageSize: 20, total: query.data?.total ?? 0, hideOnSinglePage: true, showSizeChanger: false, onChange: (next) => state.set({ [what]: next > 1 ? String(next) : undefined }) }}
        columns={[
          { title: t("field.on"), dataIndex: "on" },
          { title: t("field.amount"), dataIndex: "amount", align: "right", render: yuan },
          { title: t("money.days"), dataIndex: "days", align: "right", render: (days: number) => <span className={days > 7 ? "bad" : ""}>{days}</span> },
          ...columns,
          { title: "", render: (_, row) => <Space>{acts(row)}</Space> },
        ]}
      />
    </Card>
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
              {one.loan_id} · {t("field.dpd")} {one.dpd} · {t(one.why === "asked" ? "money.asked" : "money.overdue")}
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
