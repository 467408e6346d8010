// Where the model speaks of people whose outcome nobody knows, and what reject inference made of that.
import { useQuery } from "@tanstack/react-query";
import { Alert, Card } from "antd";
import { api, body, type Schema } from "../../api/client";
import { Chart } from "../../charts/Chart";
import { useSpeech } from "../../i18n";
import { Rows } from "../../parts/Rows";
import { percent } from "../../parts/show";
import { Wait } from "../../parts/Wait";

export function Exposure({ id }: { id: string }) {
  const { t, code } = useSpeech();
  const query = useQuery({
    queryKey: ["model", id, "exposure"],
    queryFn: () => body(api.GET("/api/models/{model_id}/exposure", { params: { path: { model_id: id } } })),
  });
  return (
    <Wait query={query}>
      {(told) => (
        <>
          <Alert
            type={told.rejects ? "warning" : "info"}
            showIcon
            title={told.rejects
              ? t("exposure.rejects", { rows: told.rejects.rows, method: code("reject_method", told.rejects.method), with: percent(told.rejects.mean_pd, 1), without: percent(told.rejects.mean_pd_without, 1) })
              : t("exposure.no_rejects")}
            style={{ marginBottom: 12 }}
          />
          <p className="muted">{t("exposure.note")}</p>
          {told.bands.length ? <Bands bands={told.bands} /> : <p className="muted">{t("drift.none")}</p>}
        </>
      )}
    </Wait>
  );
}

function Bands({ bands }: { bands: Schema["ExposureBand"][] }) {
  const { t } = useSpeech();
  const points = (band: Schema["ExposureBand"]) => (band.low === band.high ? `${band.low}` : `${band.low}–${band.high}`);
  return (
    <Card size="small" title={t("exposure.bands")}>
      <Chart label={t("exposure.bands")} option={{
        tooltip: { trigger: "axis" },
        legend: { top: 0 },
        xAxis: { type: "category", data: bands.map(points) },
        yAxis: { type: "value" },
        series: [
          { name: t("exposure.applications"), type: "bar", color: "#cfd8d4", data: bands.map((band) => band.applications) },
          { name: t("exposure.outcomes"), type: "bar", color: "#0f5257", data: bands.map((band) => band.outcomes) },
          { name: t("exposure.refused"), type: "bar", color: "#9e2b25", data: bands.map((band) => band.refused) },
        ],
      }} />
      <Rows
        pagination={false}
        rowKey={(row) => row.low}
        dataSource={bands}
        columns={[
          { title: t("model.points_from"), render: (_, row) => points(row) },
          { title: t("exposure.applications"), dataIndex: "applications", align: "right" },
          { title: t("exposure.refused"), dataIndex: "refused", align: "right" },
          { title: t("exposure.outcomes"), dataIndex: "outcomes", align: "right" },
          { title: t("exposure.events"), dataIndex: "events", align: "right" },
          { title: t("exposure.observed"), align: "right", render: (_, row) => (row.outcomes ? percent(row.events / row.outcomes, 1) : "–") },
          { title: t("fair.predicted"), align: "right", render: (_, row) => percent(row.predicted, 1) },
          { title: t("exposure.borne_out"), render: (_, row) => t(row.borne_out ? "word.yes" : "word.no") },
        ]}
      />
    </Card>
  );
}
