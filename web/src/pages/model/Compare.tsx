// This model beside another: as judged at the fit, and on loans asked for since both were fitted. All differences are paired.
import { useQuery } from "@tanstack/react-query";
import { Card, Select, Tag } from "antd";
import { useState } from "react";
import { api, body, type Schema } from "../../api/client";
import { useSpeech } from "../../i18n";
import { metricsOf } from "../../parts/metrics";
import { Rows } from "../../parts/Rows";
import { Code, day, moment } from "../../parts/show";
import { Wait } from "../../parts/Wait";

interface Difference {
  name: string;
  this: number;
  other: number;
  value: number;
  low: number;
  high: number;
  better: string;
}

export function Compare({ data }: { data: Schema["ModelOut"] }) {
  const { t } = useSpeech();
  const found = metricsOf(data).compared;
  const atFit: Difference[] = found ? ["auc", "ks", "brier", "log_loss"].flatMap((name) => {
    const one = found.difference[name];
    if (!one) return [];
    return [{ name, this: found.challenger[name] ?? 0, other: found.champion[name] ?? 0, value: one.value, low: one.interval[0], high: one.interval[1], better: one.better }];
  }) : [];
  const verdict = found && ({ challenger: "this", champion: "other" }[found.verdict] ?? "unclear");
  return (
    <>
      <Card size="small" title={t("rival.at_fit")} style={{ marginBottom: 12 }}>
        {found ? <Told differences={atFit} verdict={verdict ?? null} /> : <p className="muted">{t("rival.none_at_fit")}</p>}
      </Card>
      <Card size="small" title={t("rival.live")}><Live id={data.model_id} /></Card>
    </>
  );
}

function Live({ id }: { id: string }) {
  const { t, code } = useSpeech();
  const [other, setOther] = useState<string>();
  const models = useQuery({ queryKey: ["models", "all"], queryFn: () => body(api.GET("/api/models", { params: { query: { size: 100 } } })) });
  const others = (models.data?.items ?? []).filter((one) => one.model_id !== id);
  return (
    <>
      <Select
        style={{ minWidth: 280, maxWidth: "100%", marginBottom: 12 }}
        placeholder={t("rival.choose")}
        aria-label={t("rival.choose")}
        value={other}
        onChange={setOther}
        options={others.map((one) => ({ value: one.model_id, label: `${moment(one.fitted_at)} · ${code("model_kind", one.kind)} · ${code("model_status", one.status)}` }))}
      />
      {other && <Against id={id} other={other} />}
    </>
  );
}

function Against({ id, other }: { id: string; other: string }) {
  const { t } = useSpeech();
  const query = useQuery({
    queryKey: ["model", id, "against", other],
    queryFn: () => body(api.GET("/api/models/{model_id}/against/{other_id}", { params: { path: { model_id: id, other_id: other } } })),
  });
  return (
    <Wait query={query}>
      {(told) => (told.verdict
        ? <Told differences={told.differences.map(read)} verdict={told.verdict} />
        : <p className="muted">{t("rival.too_few", { since: day(told.since), rows: told.rows, events: told.events })}</p>)}
    </Wait>
  );
}

/** The interface writes statistics as decimal strings. */
function read(row: Schema["Difference"]): Difference {
  return { ...row, this: Number(row.this), other: Number(row.other), value: Number(row.value), low: Number(row.low), high: Number(row.high) };
}

function Told({ differences, verdict }: { differences: Difference[]; verdict: string | null }) {
  const { t, code } = useSpeech();
  const signed = (value: number) => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(4)}`;
  return (
    <>
      <p>{t("rival.verdict")}: <Tag color={verdict === "this" ? "green" : verdict === "other" ? "red" : "default"}>{code("rival_verdict", verdict)}</Tag></p>
      <Rows
        pagination={false}
        rowKey={(row) => row.name}
        dataSource={differences}
        columns={[
          { title: t("rival.measure"), render: (_, row) => code("measure", row.name) },
          { title: t("rival.this"), align: "right", render: (_, row) => row.this.toFixed(4) },
          { title: t("rival.other"), align: "right", render: (_, row) => row.other.toFixed(4) },
          { title: t("rival.difference"), align: "right", render: (_, row) => <strong>{signed(row.value)}</strong> },
          { title: t("rival.interval"), align: "right", render: (_, row) => `${signed(row.low)} – ${signed(row.high)}` },
          { title: t("rival.better"), render: (_, row) => <Code group="rival_better" value={row.better} /> },
        ]}
      />
    </>
  );
}
