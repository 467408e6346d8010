// One model: how good it is, what moves it, how it drifts, whom it treats how, and its card.
import { useQuery } from "@tanstack/react-query";
import { Alert, Card, Tabs } from "antd";
import { Link, useParams, useSearchParams } from "react-router";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { edges, useFeature } from "../parts/feature";
import { metricsOf } from "../parts/metrics";
import { Rows } from "../parts/Rows";
import { Code, percent } from "../parts/show";
import { Wait } from "../parts/Wait";
import { Compare } from "./model/Compare";
import { Drift } from "./model/Drift";
import { Exposure } from "./model/Exposure";
import { Fairness } from "./model/Fairness";
import { Influence } from "./model/Influence";
import { ModelCard } from "./model/ModelCard";
import { Performance } from "./model/Performance";

interface Bin {
  label: string;
  kind: string;
  rows: number;
  events: number;
  woe: number;
  iv: number;
}

interface Scored {
  input: { name: string; column: string };
  bins: { bins: Bin[] };
  points: number[];
}

export default function ModelPage() {
  const { id = "" } = useParams();
  const query = useQuery({
    queryKey: ["model", id],
    queryFn: () => body(api.GET("/api/models/{model_id}", { params: { path: { model_id: id } } })),
  });
  return <main className="page"><Wait query={query}>{(data) => <Whole data={data} />}</Wait></main>;
}

function Whole({ data }: { data: Schema["ModelOut"] }) {
  const { t, code, name } = useSpeech();
  const [search, setSearch] = useSearchParams();
  const card = data.body.scorecard as { features?: Scored[] } | undefined;
  const id = data.model_id;
  return (
    <>
      <h1>{name("model_name", data.name)} · {code("model_kind", data.kind)} <Code group="model_status" value={data.status} /></h1>
      <p><Link to="/models">{t("list.back")}</Link></p>
      <Warnings data={data} />
      <Tabs activeKey={search.get("tab") ?? "figures"} onChange={(tab) => setSearch({ tab }, { replace: true })} items={[
        { key: "figures", label: t("model.tab.figures"), children: <Performance data={data} /> },
        {
          key: "points", label: t("model.tab.points"), children: (
            <>
              <Influence data={data} />
              <Card size="small" title={t("model.points")}>
                {card?.features ? <Points features={card.features} /> : <p className="muted">{t("model.no_points")}</p>}
              </Card>
            </>
          ),
        },
        { key: "drift", label: t("model.tab.drift"), children: <Drift id={id} /> },
        { key: "fairness", label: t("model.tab.fairness"), children: <Fairness id={id} /> },
        { key: "compare", label: t("model.tab.compare"), children: <Compare data={data} /> },
        { key: "exposure", label: t("model.tab.exposure"), children: <Exposure id={id} /> },
        { key: "card", label: t("model.tab.card"), children: <ModelCard data={data} /> },
      ]} />
    </>
  );
}

/** What the fit warned of, each said once, and the columns that it could not use. */
function Warnings({ data }: { data: Schema["ModelOut"] }) {
  const { t, name, pick } = useSpeech();
  const { called } = useFeature();
  const told = metricsOf(data).warnings;
  const excluded = ((data.body.fitted as { excluded?: { column: string; why: string }[] } | undefined)?.excluded ?? []);
  const reasons = new Set(excluded.map((one) => one.why));
  const notes = told
    ? told.filter((one) => one.code !== "excluded").map((one) => `${one.column ? `${called(one.column)}: ` : ""}${pick(one)}`)
    : [...new Set(data.note.split("; "))].filter((note) => note && !reasons.has(note)); // a model of before keeps them in English
  const left = [...reasons].map((why) => `${name("excluded", why)}: ${excluded.filter((one) => one.why === why).map((one) => called(one.column)).join(", ")}`);
  if (!notes.length && !left.length) return null;
  return <Alert type="warning" showIcon title={t("model.warnings")} description={[...notes, ...left].map((line) => <div key={line}>{line}</div>)} style={{ marginBottom: 12 }} />;
}

function Points({ features }: { features: Scored[] }) {
  const { t } = useSpeech();
  const { called } = useFeature();
  const rows = features.flatMap((feature) => {
    const seen = feature.bins.bins.reduce((sum, bin) => sum + bin.rows, 0);
    return feature.bins.bins.map((bin, n) => ({
      bin, n, feature: feature.input.name, points: feature.points[n] ?? 0, share: seen ? bin.rows / seen : 0, span: n === 0 ? feature.bins.bins.length : 0,
    }));
  });
  const label = (bin: Bin, feature: string) => {
    if (bin.kind === "missing") return t("model.missing");
    if (bin.kind === "other") return t("model.other");
    return bin.label === "any" ? t("model.any") : edges(bin.label, feature);
  };
  return (
    <Rows
      pagination={false}
      rowKey={(row) => `${row.feature}/${row.n}`}
      dataSource={rows}
      columns={[
        { title: t("field.feature"), render: (_, row) => called(row.feature), onCell: (row) => ({ rowSpan: row.span }) },
        { title: t("model.bin"), align: "right", render: (_, row) => label(row.bin, row.feature) },
        { title: t("model.points_of"), dataIndex: "points", align: "right", render: (value) => <strong>{value}</strong> },
        { title: t("model.share_of"), align: "right", render: (_, row) => percent(row.share, 1) },
        { title: t("model.event_rate"), align: "right", render: (_, row) => (row.bin.rows ? percent(row.bin.events / row.bin.rows, 1) : "–") },
        { title: t("model.woe"), align: "right", render: (_, row) => row.bin.woe.toFixed(2) },
        { title: t("model.iv"), align: "right", render: (_, row) => row.bin.iv.toFixed(4) },
      ]}
    />
  );
}
