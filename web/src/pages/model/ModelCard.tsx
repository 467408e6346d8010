// The model card: what the model is for, how and on what it was made, how good it is, what to beware of.
import { Typography } from "antd";
import type { Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { useFeature } from "../../parts/feature";
import { figure3, metricsOf, withInterval } from "../../parts/metrics";
import { Rows } from "../../parts/Rows";
import { percent } from "../../parts/show";

interface Fitted {
  rows?: number;
  events?: number;
  unlabelled?: number;
  seed?: number;
  rounds?: number;
}

export function ModelCard({ data }: { data: Schema["ModelOut"] }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const fitted = (data.body.fitted ?? {}) as Fitted;
  const metrics = metricsOf(data);
  const rows = fitted.rows ?? 0;
  const used = usedBy(data.body);
  const heading = (text: string) => <Typography.Title level={5} style={{ marginTop: 16 }}>{text}</Typography.Title>;
  return (
    <article style={{ maxWidth: 820, padding: "0 4px" }}>
      {heading(t("card.what"))}
      <p>{t("card.what_text")}</p>
      {heading(t("card.method"))}
      <p>{data.kind === "boosted" ? t("card.boosted", { rounds: fitted.rounds ?? "–" }) : t("card.scorecard")}</p>
      {heading(t("card.data"))}
      <p>{t("card.data_text", { rows, events: fitted.events ?? 0, rate: rows ? percent((fitted.events ?? 0) / rows, 1) : "–", unlabelled: fitted.unlabelled ?? 0, seed: fitted.seed ?? "–" })}</p>
      {heading(`${t("card.features")} (${used.length})`)}
      <p>{used.map(called).join(" · ")}</p>
      {heading(t("card.quality"))}
      <p>{t("card.quality_text")}</p>
      <Rows
        pagination={false}
        rowKey={(row) => row.name}
        dataSource={[
          ...(["auc", "ks", "brier", "log_loss"] as const).map((name) => ({ name, fold: withInterval(metrics.out_of_fold, name), held: withInterval(metrics.holdout, name) })),
          { name: "slope" as const, fold: figure3(metrics.out_of_fold?.calibration_slope), held: figure3(metrics.holdout?.calibration_slope) },
        ]}
        columns={[
          { title: t("rival.measure"), render: (_, row) => (row.name === "slope" ? t("model.slope") : t(`measure.${row.name}`)) },
          { title: t("card.fold"), dataIndex: "fold", align: "right" },
          { title: t("card.holdout"), dataIndex: "held", align: "right" },
        ]}
      />
      {heading(t("card.limits"))}
      <ul>
        {(["card.limit_accepted", "card.limit_age", "card.limit_cause", "card.limit_fair"] as const).map((key) => <li key={key}>{t(key)}</li>)}
      </ul>
    </article>
  );
}

/** The names of the features that the stored model reads. */
function usedBy(body: Record<string, unknown>): string[] {
  const scorer = (body.scorecard ?? body.boosted) as { features?: { input: { name: string } }[] } | undefined;
  return (scorer?.features ?? []).map((feature) => feature.input.name);
}
