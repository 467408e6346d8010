// One application through the graph as it stands, on the server's engine; the rows that matched are shown in the graph.
import { useMutation, useQuery } from "@tanstack/react-query";
import { Button, Input, Segmented, Select, Space } from "antd";
import { useState } from "react";
import { api, body, type Schema } from "../api/client";
import { useSpeech } from "../i18n";
import { useExplain } from "../parts/explain";
import { useFeature } from "../parts/feature";
import { Code, percent, yuan } from "../parts/show";

interface Props {
  graph: () => Record<string, unknown>;
  onTold: (told: Schema["Simulated"] | undefined) => void;
}

const EXAMPLE = '{\n  "amount_fen": 500000,\n  "months": 6,\n  "pd_ppm": 40000,\n  "age": 30,\n  "identity_verified": true\n}';

export function Simulate({ graph, onTold }: Props) {
  const { t, pick } = useSpeech();
  const explain = useExplain();
  const { called, said } = useFeature();
  const [way, setWay] = useState<"application" | "values">("application");
  const [chosen, setChosen] = useState<string>();
  const [values, setValues] = useState(EXAMPLE);
  const applications = useQuery({ queryKey: ["applications", "to simulate"], queryFn: () => body(api.GET("/api/applications", { params: { query: { size: 50 } as never } })) });
  const run = useMutation({
    mutationFn: () => body(api.POST("/api/policies/simulate", {
      body: way === "application" ? { graph: graph(), application_id: chosen ?? "", values: {} } : { graph: graph(), values: JSON.parse(values) as Record<string, unknown> },
    })),
    onSuccess: onTold,
    onError: () => onTold(undefined),
  });
  const told = run.data;
  return (
    <>
      <Space orientation="vertical" style={{ width: "100%" }}>
        <Segmented size="small" value={way} onChange={setWay} options={[{ value: "application", label: t("simulate.application") }, { value: "values", label: t("simulate.values") }]} />
        {way === "application" ? (
          <Select
            showSearch style={{ width: "100%" }} aria-label={t("field.application")} placeholder={t("field.application")} value={chosen} onChange={setChosen}
            options={(applications.data?.items ?? []).map((one) => ({ value: one.application_id, label: `${one.application_id} · ${one.name ?? "–"} · ${yuan(one.amount)}` }))}
          />
        ) : (
          <Input.TextArea className="code" aria-label={t("simulate.values")} autoSize={{ minRows: 6, maxRows: 16 }} value={values} onChange={(event) => setValues(event.target.value)} />
        )}
        <Button type="primary" size="small" loading={run.isPending} disabled={way === "application" && !chosen} onClick={() => run.mutate()}>{t("simulate.run")}</Button>
      </Space>
      {run.error && <p className="bad">{run.error instanceof SyntaxError ? t("simulate.not_json") : explain(run.error)}</p>}
      {told && (
        <>
          <p style={{ marginTop: 12 }}><Code group="outcome" value={told.outcome} /> {told.limit_fen !== null && yuan((told.limit_fen / 100).toFixed(2))} {told.rate_ppm !== null && percent(told.rate_ppm / 1_000_000)}</p>
          <ul className="files">{told.reasons.map((reason, n) => <li key={n}>{pick(reason as { zh: string; en: string })}</li>)}</ul>
          <ul className="files">{Object.entries(told.values).map(([name, value]) => <li key={name} className="deadline"><span className="muted">{called(name)}</span><span>{said(value, name)}</span></li>)}</ul>
        </>
      )}
    </>
  );
}
