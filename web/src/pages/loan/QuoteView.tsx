// What an act on a loan will do: a sentence with its figures, what changes from now to then, and the law it follows.
import { Table } from "antd";
import { type ReactNode } from "react";
import type { Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { Code, total, yuan } from "../../parts/show";

type Quote = Schema["Quote"];
type Standing = Schema["Standing"];

const PARTS = ["costs", "penalty", "interest", "principal"] as const;
const less = (amount: string) => (amount.startsWith("-") ? amount.slice(1) : `-${amount}`);

export function QuoteView({ quote, part }: { quote: Quote; part?: string }) {
  const { t, code, pick } = useSpeech();
  const { moved, before, after } = quote;
  const paid = PARTS.filter((each) => moved[each]?.startsWith("-"));
  const comes = (moved.cash ?? "").length > 0 && !moved.cash!.startsWith("-");
  const saved = total([before.interest_left, less(after.interest_left), ...(moved.interest ? [moved.interest] : [])]);
  const planned = before.next_due !== after.next_due || before.next_amount !== after.next_amount || before.left !== after.left;
  const said: string[] = [
    t((quote.kind === "accelerate" && before.left === after.left && before.last_due === after.last_due ? "will.accelerate_due" : `will.${quote.kind}`) as Key, {
      cash: yuan(moved.cash ?? "0.00"), back: yuan(less(moved.credit ?? "0.00")),
      part: part ? t(`field.${part}` as Key) : "", waived: yuan(part ? less(moved[part] ?? "0.00") : "0.00"),
    }),
  ];
  if (comes && paid.length) said.push(t("will.paid", { parts: paid.map((each) => `${t(`field.${each}`)} ${yuan(less(moved[each]!))}`).join(" · ") }));
  if (comes && moved.credit && !moved.credit.startsWith("-")) said.push(t("will.credit", { amount: yuan(moved.credit) }));
  if (["prepayment", "restructure"].includes(quote.kind) && planned && after.left > 0) said.push(t("will.left", { n: after.left, on: after.next_due ?? "", amount: yuan(after.next_amount), last: after.last_due ?? "" }));
  if (["prepayment", "settlement"].includes(quote.kind) && Number(saved) > 0) said.push(t("will.saved", { amount: yuan(saved) }));
  const rows = changes(before, after, t, code);
  return (
    <>
      <p style={{ margin: "0 0 8px" }}>{said.join(" ")}</p>
      {rows.length === 0 ? <p className="muted">{t("act.same")}</p> : (
        <Table
          size="small" pagination={false} rowKey="label" dataSource={rows}
          columns={[
            { title: "", dataIndex: "label" },
            { title: t("act.before"), dataIndex: "before", align: "right" },
            { title: t("act.after"), dataIndex: "after", align: "right", render: (value: ReactNode) => <strong>{value}</strong> },
          ]}
        />
      )}
      {quote.basis.map((rule) => (
        <p key={rule.citation.en} className="muted citation" style={{ margin: "8px 0 0" }}>{t("act.basis")}: {pick(rule)} {pick(rule.citation)}</p>
      ))}
    </>
  );
}

interface Row {
  label: string;
  before: ReactNode;
  after: ReactNode;
}

/** What is not the same afterwards. */
function changes(before: Standing, after: Standing, t: ReturnType<typeof useSpeech>["t"], code: ReturnType<typeof useSpeech>["code"]): Row[] {
  const money = (label: string, name: keyof Standing): Row | false => before[name] !== after[name] && { label, before: yuan(before[name] as string), after: yuan(after[name] as string) };
  const next = (one: Standing) => `${one.next_due} ${one.next_amount}`;
  const shown = (one: Standing) => (one.next_due ? <>{yuan(one.next_amount)}<div className="muted citation">{one.next_due}</div></> : "–");
  const ends = after.status === "settled"; // then there is no plan to tell of
  const rows: (Row | false)[] = [
    before.status !== after.status && { label: t("field.status"), before: <Code group="loan_status" value={before.status} />, after: <Code group="loan_status" value={after.status} /> },
    money(t("field.outstanding"), "principal_outstanding"),
    money(t("loan.interest_due"), "interest_due"),
    money(t("loan.penalty_due"), "penalty_due"),
    money(t("loan.costs_due"), "costs_due"),
    money(t("field.overdue"), "overdue"),
    !ends && before.dpd !== after.dpd && { label: t("field.dpd"), before: before.dpd, after: after.dpd },
    money(t("loan.credit"), "credit_balance"),
    money(t("loan.payoff_only"), "payoff"),
    !ends && next(before) !== next(after) && { label: t("will.next"), before: shown(before), after: shown(after) },
    !ends && before.left !== after.left && { label: t("will.count"), before: before.left, after: after.left },
    !ends && before.last_due !== after.last_due && { label: t("will.last"), before: before.last_due ?? "–", after: after.last_due ?? "–" },
    !ends && money(t("will.interest_left"), "interest_left"),
    before.grade !== after.grade && { label: t("field.class"), before: code("class", before.grade), after: code("class", after.grade) },
    money(t("loan.provision"), "provision"),
  ];
  return rows.filter((row): row is Row => row !== false);
}
