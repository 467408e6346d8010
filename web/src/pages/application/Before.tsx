// Before the decision: the paid sources are asked, with consent; what income and cash flow show is seen first.
import { useQuery } from "@tanstack/react-query";
import { App as AntApp, Card, Tag } from "antd";
import { useState } from "react";
import { api, body, once, type Problem, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { Problems } from "../../parts/Problems";
import { yuan } from "../../parts/show";
import { Sure } from "../../parts/Sure";
import { useAct } from "../../parts/useAct";
import { Wait } from "../../parts/Wait";
import { useSession } from "../../session";
import { type Affordability, CashFlow } from "./CashFlow";
import { Income, type IncomeReport } from "./Income";

export function Before({ data }: { data: Schema["ApplicationOut"] }) {
  const { may } = useSession();
  return (
    <>
      {may("GET /api/intake") && <Sources data={data} />}
      {may("POST /api/applications/{application_id}/what-if") && <Seen id={data.application_id} />}
    </>
  );
}

function Sources({ data }: { data: Schema["ApplicationOut"] }) {
  const { t, pick } = useSpeech();
  const { may } = useSession();
  const { message } = AntApp.useApp();
  const [header, setHeader] = useState(once);
  const [problems, setProblems] = useState<Problem[]>([]);
  const query = useQuery({ queryKey: ["intake"], staleTime: Infinity, queryFn: () => body(api.GET("/api/intake")) });
  const act = useAct(
    () => body(api.POST("/api/applications/{application_id}/gather", { params: { path: { application_id: data.application_id }, header } })),
    (told) => {
      setHeader(once());
      setProblems(told.problems);
      message.success(t("before.asked", { sources: told.answers.map((answer) => answer.source).join(", ") || t("before.nothing"), cost: told.cost }));
    },
  );
  const consents = new Set(((data.features.consents ?? []) as { purpose: string }[]).map((one) => one.purpose));
  return (
    <Card size="small" title={t("before.sources")}>
      <Wait query={query}>{({ sources, problems: wrong }) => {
        const asked = sources.filter((source) => consents.has(source.purpose));
        const cost = asked.reduce((sum, source) => sum + Number(source.cost), 0).toFixed(2);
        return (
          <>
            {wrong.length > 0 && <Problems type="warning" title={t("before.sources")} problems={wrong} />}
            {sources.length === 0 && wrong.length === 0 && <p className="muted">{t("intake.no_sources")}</p>}
            <ul className="files">
              {sources.map((source) => (
                <li key={source.name} className="deadline">
                  <span>{pick(source.says)} <span className="muted citation">{t("before.cost", { cost: yuan(source.cost), days: source.days })}</span></span>
                  <span>
                    {source.name in data.features && <Tag color="green">{t("before.known")}</Tag>}
                    <Tag color={consents.has(source.purpose) ? "blue" : "orange"}>{t(consents.has(source.purpose) ? "before.consented" : "before.no_consent")}</Tag>
                  </span>
                </li>
              ))}
            </ul>
            {problems.length > 0 && <Problems type="warning" title={t("before.nothing")} problems={problems} />}
            {asked.length > 0 && may("POST /api/applications/{application_id}/gather") && (
              <Sure question={t("before.sure", { cost: yuan(cost) })} loading={act.isPending} onSure={() => act.mutate(undefined)}>{t("before.ask")}</Sure>
            )}
          </>
        );
      }}</Wait>
    </Card>
  );
}

/** Income and affordability as they would be decided on now; nothing is kept. */
function Seen({ id }: { id: string }) {
  const query = useQuery({
    queryKey: ["seen", id],
    queryFn: () => body(api.POST("/api/applications/{application_id}/what-if", { params: { path: { application_id: id } }, body: { features: {} } })),
  });
  return (
    <Wait query={query}>{(seen) => (
      <div className="pictures">
        <Income report={seen.income as IncomeReport | null} />
        <CashFlow found={seen.affordability as Affordability | null} />
      </div>
    )}</Wait>
  );
}
