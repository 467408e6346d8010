// One act on a loan: its fields, what it will do as the interface tells it, and only then the button that does it.
import { useQuery } from "@tanstack/react-query";
import { Alert, App as AntApp, DatePicker, Form, Input, Modal, Radio, Select, Spin } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useEffect, useState } from "react";
import { api, ApiError, body, once, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { useExplain } from "../../parts/explain";
import { Problems } from "../../parts/Problems";
import { yuan } from "../../parts/show";
import { useAct } from "../../parts/useAct";
import { useReturn } from "../../parts/useReturn";
import { useSession } from "../../session";
import { QuoteView } from "./QuoteView";

type Loan = Schema["LoanOut"];
type QuoteIn = Schema["QuoteIn"];
export type Kind = QuoteIn["kind"];

/** What is to be done: `of` names the event that a reversal undoes, `disposal` the proposal that is carried out. */
export interface Deed {
  kind: Kind;
  of?: Schema["EventOut"];
  disposal?: string;
}

interface Entered {
  on: Dayjs;
  amount?: string;
  mode?: "shorten" | "reduce";
  part?: (typeof PARTS)[number];
  source?: string;
}

const PARTS = ["costs", "penalty", "interest", "principal"] as const;
const WITH_AMOUNT: Kind[] = ["repayment", "prepayment", "settlement", "waiver", "recovery", "refund"];
const MONEY_IN: Kind[] = ["repayment", "prepayment", "settlement", "recovery"];
const AMOUNT = /^\d{1,13}(\.\d{1,2})?$/;

/** The door that each kind of act goes through. */
export function doorOf(kind: Kind): string {
  if (kind === "repayment") return "POST /api/loans/{loan_id}/repayments";
  if (kind === "restructure" || kind === "writeoff") return "POST /api/disposals/{disposal_id}/carry-out";
  return kind === "accelerate" ? "POST /api/cases" : "POST /api/loans/{loan_id}/events";
}

/** The day of an act: today in China, or the book's day when the book is ahead of the calendar. */
function actDay(bookDay: string): Dayjs {
  const today = new Date().toLocaleDateString("sv-SE", { timeZone: "Asia/Shanghai" });
  return dayjs(today > bookDay ? today : bookDay);
}

export function ActDialog({ loan, deed, onClose }: { loan: Loan; deed: Deed; onClose: () => void }) {
  const { t, code } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const explain = useExplain();
  useReturn();
  const [form] = Form.useForm<Entered>();
  const [header] = useState(once);
  const { kind } = deed;
  const allowed = may(doorOf(kind));
  const today = actDay(loan.state.on);
  const [asked, setAsked] = useState<QuoteIn>();
  const entered = Form.useWatch([], form) as Partial<Entered> | undefined;
  const wanted = entered && ask(deed, entered);
  const written = JSON.stringify(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(written ? (JSON.parse(written) as QuoteIn) : undefined), 300);
    return () => clearTimeout(timer);
  }, [written]);
  const quote = useQuery({
    queryKey: ["quote", loan.loan_id, asked], enabled: asked !== undefined, retry: false, staleTime: 0, gcTime: 0,
    queryFn: () => body(api.POST("/api/loans/{loan_id}/quote", { params: { path: { loan_id: loan.loan_id } }, body: asked! })),
  });
  const [now, setNow] = useState<Owed>(loan.state); // on the day of the act, once a quote has told it
  useEffect(() => { if (quote.data) setNow(quote.data.before); }, [quote.data]);
  const told = JSON.stringify(asked) === written && !quote.isFetching ? quote : undefined;
  const later = entered?.on?.isAfter(today, "day") ?? false;
  const act = useAct(() => carryOut(loan.loan_id, deed, asked!, entered?.source, header), () => { message.success(t("act.done", { act: t(`act.${kind}` as Key) })); onClose(); });
  const most = { refund: now.credit_balance, waiver: entered?.part && owed(now, entered.part) }[kind as string];
  const title = kind === "reversal" && deed.of
    ? t("act.of", { on: deed.of.effective_on, kind: code("event", deed.of.kind), amount: deed.of.amount ? ` ${yuan(deed.of.amount)}` : "" })
    : t(allowed ? (`act.${kind}` as Key) : "act.quote");
  return (
    <Modal
      open title={title} onCancel={onClose} width={600} destroyOnHidden
      cancelText={t(allowed ? "word.cancel" : "word.close")} okText={t(`act.${kind}` as Key)} onOk={() => form.submit()} confirmLoading={act.isPending}
      okButtonProps={{ disabled: wanted !== undefined && (!told?.data || later), danger: ["writeoff", "waiver", "reversal"].includes(kind), style: allowed ? undefined : { display: "none" } }}
    >
      <Form
        form={form} layout="vertical" requiredMark={false} scrollToFirstError={{ focus: true }} disabled={act.isPending}
        onFinish={() => { if (told?.data && !later && allowed) act.mutate(undefined); }}
        initialValues={{ on: today, amount: begin(loan.state, kind), mode: "shorten", part: PARTS.find((part) => Number(owed(loan.state, part)) > 0), source: "counter" }}
      >
        {kind === "waiver" && (
          <Form.Item name="part" label={t("act.part")} rules={[{ required: true, message: t("act.need_part") }]}>
            <Select options={PARTS.map((part) => ({ value: part, label: t("act.owed", { part: t(`field.${part}`), amount: yuan(owed(now, part)) }), disabled: !Number(owed(now, part)) }))} />
          </Form.Item>
        )}
        {WITH_AMOUNT.includes(kind) && (kind !== "settlement" || allowed) && (
          <Form.Item
            name="amount" label={t(kind === "settlement" ? "act.received" : "field.amount")} extra={most && t("act.most", { amount: yuan(most) })}
            rules={[{ required: kind !== "settlement", message: t("loan.bad_amount") }, { pattern: AMOUNT, message: t("loan.bad_amount") }]}
          >
            <Input prefix="¥" inputMode="decimal" autoFocus autoComplete="off" onPressEnter={() => form.submit()} />
          </Form.Item>
        )}
        {kind === "prepayment" && (
          <Form.Item name="mode" label={t("act.mode")}>
            <Radio.Group options={(["shorten", "reduce"] as const).map((value) => ({ value, label: t(`act.${value}`) }))} />
          </Form.Item>
        )}
        <div className="columns">
          <Form.Item name="on" label={t(kind === "settlement" && !allowed ? "act.quote_on" : "act.on")} extra={allowed && kind !== "accelerate" ? t("act.on_why") : undefined} rules={[{ required: true, message: t("act.need_day") }]}>
            <DatePicker
              style={{ width: "100%" }} allowClear={false}
              disabledDate={(value) => value.isBefore(loan.drawn_on, "day") || value.isAfter(kind === "settlement" ? today.add(365, "day") : today, "day")}
            />
          </Form.Item>
          {MONEY_IN.includes(kind) && allowed && (
            <Form.Item name="source" label={t("act.source")}>
              <Select options={["counter", "transfer", "debit"].map((value) => ({ value, label: code("means", value) }))} />
            </Form.Item>
          )}
        </div>
      </Form>
      <section aria-live="polite" aria-label={t("act.will")} aria-busy={wanted !== undefined && !told}>
        <h2 className="act-will">{t("act.will")}</h2>
        {wanted === undefined && <p className="muted">{t("act.waiting")}</p>}
        {wanted !== undefined && !told && <Spin size="small" />}
        {told?.error && (told.error instanceof ApiError && told.error.problems.length
          ? <Problems title={t("act.refused")} problems={told.error.problems.map((one) => (one.where.startsWith("event ") ? { ...one, where: "", value: "" } : one))} />
          : <Alert type="error" showIcon role="alert" title={explain(told.error)} />)}
        {told?.data && <QuoteView quote={told.data} part={entered?.part} />}
        {told?.data && later && allowed && <Alert type="info" showIcon title={t("act.later")} style={{ marginTop: 8 }} />}
      </section>
    </Modal>
  );
}

/** The question that the fields make, or nothing while they are not filled in rightly. */
function ask({ kind, of, disposal }: Deed, { on, amount, mode, part }: Partial<Entered>): QuoteIn | undefined {
  if (!on) return undefined;
  const money = amount?.trim();
  const optional = kind === "settlement" && !money;
  if (WITH_AMOUNT.includes(kind) && !optional && !(money && AMOUNT.test(money))) return undefined;
  if (kind === "waiver" && !part) return undefined;
  return {
    kind, on: on.format("YYYY-MM-DD"),
    ...(WITH_AMOUNT.includes(kind) && money ? { amount: money } : {}),
    ...(kind === "prepayment" ? { mode } : {}),
    ...(kind === "waiver" ? { part } : {}),
    ...(of ? { of: of.event_id } : {}),
    ...(disposal ? { disposal_id: disposal } : {}),
  };
}

/** Do what was quoted, by the door of its kind. */
async function carryOut(loan_id: string, { kind, disposal }: Deed, asked: QuoteIn, source: string | undefined, header: ReturnType<typeof once>): Promise<unknown> {
  const params = { path: { loan_id }, header };
  const { on, amount, mode, part, of } = asked;
  if (kind === "repayment") return body(api.POST("/api/loans/{loan_id}/repayments", { params, body: { amount: amount!, on, source: source ?? "counter" } }));
  if (kind === "accelerate") return body(api.POST("/api/cases", { params: { header }, body: { loan_id, on } }));
  if (kind === "restructure" || kind === "writeoff") return body(api.POST("/api/disposals/{disposal_id}/carry-out", { params: { path: { disposal_id: disposal ?? "" }, header }, body: { on } }));
  const paid = MONEY_IN.includes(kind) ? source ?? "counter" : "console";
  return body(api.POST("/api/loans/{loan_id}/events", { params, body: { kind, on, amount, mode, part, of, source: paid } }));
}

type Owed = Pick<Schema["StateOut"], "principal_outstanding" | "interest_due" | "penalty_due" | "costs_due" | "credit_balance">;

function owed(state: Owed, part: (typeof PARTS)[number]): string {
  return { costs: state.costs_due, penalty: state.penalty_due, interest: state.interest_due, principal: state.principal_outstanding }[part];
}

/** The amount to begin with. */
function begin(state: Schema["StateOut"], kind: Kind): string | undefined {
  if (kind === "refund") return state.credit_balance;
  if (kind === "waiver") return PARTS.filter((part) => part !== "principal").map((part) => owed(state, part)).find((amount) => Number(amount) > 0);
  return kind === "repayment" && state.overdue !== "0.00" ? state.overdue : undefined;
}
