// The offers of a decision side by side: what each costs, what it asks of the month, why it fits; one of them is signed.
import { App as AntApp, Card, Empty, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { percent, yuan } from "../../parts/show";
import { Sure } from "../../parts/Sure";
import { useAct } from "../../parts/useAct";
import { useSession } from "../../session";

type Words = { zh?: string; en?: string };

export function Offers({ decision, data }: { decision: Schema["DecisionOut"]; data: Schema["ApplicationOut"] }) {
  const { t, code, name, pick } = useSpeech();
  const { may } = useSession();
  const { offers } = decision;
  const sign = data.status === "approved" && may("POST /api/applications/{application_id}/sign");
  const left = ((decision.inputs.decided as { left_out?: (Words & { product: string })[] } | undefined)?.left_out ?? []);
  return (
    <Card size="small" title={t("application.offers")} style={{ marginBottom: 12 }}>
      {offers.length === 0 && <Empty image={Empty.PRESENTED_IMAGE_SIMPLE} description={t("application.no_offers")} />}
      <ul className="offers">
        {offers.map((offer, n) => {
          const facts: [string, string, boolean?][] = [
            [t("field.amount"), yuan(offer.amount), true],
            [t("field.months"), `${offer.months} ${t("unit.months")}`],
            [t("field.instalment"), yuan(offer.largest_instalment), true],
            [t("field.rate"), percent(offer.rate)],
            [t("field.apr"), percent(offer.apr)],
            [t("field.interest"), yuan(offer.total_interest)],
            [t("offer.fees"), yuan(offer.total_fees)],
            [t("offer.total"), yuan((Number(offer.amount) + Number(offer.total_interest) + Number(offer.total_fees)).toFixed(2)), true],
            [t("field.dscr"), offer.dscr ? Number(offer.dscr).toFixed(2) : "–"],
            [t("offer.first_due"), offer.first_due],
          ];
          return (
            <li key={`${offer.product}/${offer.months}/${offer.amount}`} aria-label={pick(offer)}>
              <div><strong>{pick(offer)}</strong> <span className="muted">{code("method", offer.method)}</span></div>
              <div className="tag-row">
                {n === 0 && <Tag color="green">{t("offer.best")}</Tag>}
                {offer.product === data.product && <Tag color="blue">{t("offer.wanted")}</Tag>}
              </div>
              <dl>{facts.map(([label, value, strong]) => <div key={label}><dt>{label}</dt><dd>{strong ? <strong>{value}</strong> : value}</dd></div>)}</dl>
              <ul className="muted citation">{(offer.reasons ?? []).map((reason, at) => <li key={at}>{pick(reason as Words)}</li>)}</ul>
              {sign && <Sign id={data.application_id} offer={n} />}
            </li>
          );
        })}
      </ul>
      {left.length > 0 && <p className="muted citation">{t("offer.left_out")} {left.map((one) => `${name("product", one.product)} (${pick(one)})`).join(" · ")}</p>}
    </Card>
  );
}

function Sign({ id, offer }: { id: string; offer: number }) {
  const { t } = useSpeech();
  const { message } = AntApp.useApp();
  const [header] = useState(once);
  const act = useAct(
    () => body(api.POST("/api/applications/{application_id}/sign", { params: { path: { application_id: id }, header }, body: { offer } })),
    () => message.success(t("application.signed_now")),
  );
  return (
    <Sure size="small" type="primary" question={t("application.sign_sure")} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("application.sign_offer")}</Sure>
  );
}
