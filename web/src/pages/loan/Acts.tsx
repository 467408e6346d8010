// What may be done to a loan as it stands, for the roles that may; everybody may ask what settles it.
import { DownOutlined } from "@ant-design/icons";
import { Button, Dropdown, Space } from "antd";
import { useState } from "react";
import type { Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import type { Key } from "../../i18n/words";
import { useSession } from "../../session";
import { ActDialog, type Deed, doorOf } from "./ActDialog";

export function Acts({ loan }: { loan: Schema["LoanOut"] }) {
  const { t } = useSpeech();
  const { may } = useSession();
  const [deed, setDeed] = useState<Deed>();
  const deeds = possible(loan).filter((each) => may(doorOf(each.kind)));
  const first = deeds.filter((each) => ["repayment", "prepayment", "settlement", "recovery"].includes(each.kind));
  const more = deeds.filter((each) => !first.includes(each));
  const label = (each: Deed) => t(`act.${each.kind}` as Key);
  const asks = !may(doorOf("settlement")) && possible(loan).some((each) => each.kind === "settlement");
  return (
    <Space wrap>
      {first.map((each, n) => <Button key={each.kind} type={n === 0 ? "primary" : "default"} onClick={() => setDeed(each)}>{label(each)}</Button>)}
      {asks && <Button onClick={() => setDeed({ kind: "settlement" })}>{t("act.quote")}</Button>}
      {more.length > 2 ? (
        <Dropdown trigger={["click"]} menu={{ items: more.map((each) => ({ key: each.kind, label: label(each) })), onClick: ({ key }) => setDeed(more.find((each) => each.kind === key)) }}>
          <Button>{t("act.more")} <DownOutlined /></Button>
        </Dropdown>
      ) : more.map((each) => <Button key={each.kind} onClick={() => setDeed(each)}>{label(each)}</Button>)}
      {deed && <ActDialog loan={loan} deed={deed} onClose={() => setDeed(undefined)} />}
    </Space>
  );
}

/** What the loan's state leaves room for; the interface has the last word. */
function possible(loan: Schema["LoanOut"]): Deed[] {
  const { status, credit_balance, overdue } = loan.state;
  if (status === "sold") return [];
  const refund: Deed[] = Number(credit_balance) > 0 ? [{ kind: "refund" }] : [];
  if (status === "settled") return refund;
  const carried = loan.disposals.filter((each) => each.status === "proposed" && (each.kind === "restructure" || each.kind === "writeoff"));
  const proposed = carried.map((each): Deed => ({ kind: each.kind as "restructure" | "writeoff", disposal: each.disposal_id }));
  const cases: Deed[] = Number(overdue) > 0 && !loan.cases.length ? [{ kind: "accelerate" }] : [];
  if (status === "written_off") return [{ kind: "recovery" }, ...refund, ...cases];
  return [{ kind: "repayment" }, { kind: "prepayment" }, { kind: "settlement" }, { kind: "waiver" }, ...refund, ...proposed, ...cases];
}
