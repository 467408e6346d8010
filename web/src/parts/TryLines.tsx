// Other parameters for line reviews: what they would propose today, and what they would have brought by the platform's own log.
import { useQuery } from "@tanstack/react-query";
import { Alert, Button, Form, InputNumber, Space } from "antd";
import { useState } from "react";
import { api, body, type Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { Rows } from "./Rows";
import { percent, yuan } from "./show";
import { useAct } from "./useAct";
import { Wait } from "./Wait";

const SHARES = ["raise_pd", "lower_pd", "raise_step", "lower_step"] as const;

export function TryLines() {
  const query = useQuery({ queryKey: ["line-params"], queryFn: () => body(api.GET("/api/line-queue/params")) });
  return <Wait query={query}>{(data) => <Trial present={data.params} />}</Wait>;
}

function Trial({ present }: { present: Record<string, unknown> }) {
  const { t } = useSpeech();
  const [told, setTold] = useState<Schema["Tried"]>();
  const act = useAct(
    ({ months, ...shares }: Record<string, number>) =>
      body(api.POST("/api/line-queue/try", { body: { months: months ?? 3, params: Object.fromEntries(Object.entries(shares).map(([name, value]) => [name, value / 100])) } })),
    setTold,
  );
  const initial = Object.fromEntries(SHARES.map((name) => [name, Math.round(Number(present[name]) * 10_000) / 100]));
  return (
    <>
      <Form layout="inline" initialValues={{ ...initial, months: 3 }} onFinish={(values: Record<string, number>) => act.mutate(values)} style={{ rowGap: 8 }}>
        {SHARES.map((name) => (
          <Form.Item key={name} name={name} label={t(`line.${name}`)} rules={[{ required: true, message: "0 – 100" }]}>
            <InputNumber min={0} max={100} step={0.5} suffix="%" style={{ width: 100 }} />
          </Form.Item>
        ))}
        <Form.Item name="months" label={t("line.window")} rules={[{ required: true, message: "1 – 24" }]}><InputNumber min={1} max={24} style={{ width: 70 }} /></Form.Item>
        <Button type="primary" htmlType="submit" loading={act.isPending}>{t("line.try_run")}</Button>
      </Form>
      {told && <Answer told={told} />}
    </>
  );
}

function Answer({ told }: { told: Schema["Tried"] }) {
  const { t, pick } = useSpeech();
  const sides = [{ key: "now", name: t("line.now"), ...told.now }, { key: "then", name: t("line.then"), ...told.then }];
  return (
    <div className="pictures" style={{ marginTop: 16 }}>
      <div>
        <div className="muted">{t("line.today")}</div>
        <Rows rowKey={(row) => row.key} dataSource={sides} columns={[
          { title: "", dataIndex: "name" },
          { title: t("line.raises"), dataIndex: "raises", align: "right" },
          { title: t("line.lowers"), dataIndex: "lowers", align: "right" },
          { title: t("line.holds"), dataIndex: "holds", align: "right" },
          { title: t("line.limits_change"), dataIndex: "limits_change", align: "right", render: yuan },
          { title: t("line.gain"), dataIndex: "expected_gain", align: "right", render: yuan },
        ]} />
      </div>
      <div>
        <div className="muted">{t("line.estimate")}</div>
        {told.why_not
          ? <Alert type="info" title={t("line.no_estimate", { why: told.why_not })} />
          : (
            <Space orientation="vertical" style={{ width: "100%" }}>
              <Rows rowKey={(row) => row.method} dataSource={told.estimates} columns={[
                { title: t("line.method"), dataIndex: "method" },
                { title: t("line.value"), dataIndex: "value", align: "right", render: yuan },
                { title: t("line.logged"), dataIndex: "logged", align: "right", render: yuan },
                { title: t("line.gain_of"), align: "right", render: (_, row) => <>{yuan(row.gain)} <span className="muted">({yuan(row.gain_low)} – {yuan(row.gain_high)})</span></> },
                { title: t("line.worth"), align: "right", render: (_, row) => `${row.effective_n} / ${row.n}` },
                { title: t("line.unsupported"), dataIndex: "unsupported", align: "right", render: (value) => percent(value, 1) },
              ]} />
              {told.warnings.map((warning, n) => <Alert key={n} type="warning" title={pick(warning)} />)}
              <Gains rows={told.estimates} />
            </Space>
          )}
      </div>
    </div>
  );
}

/** Each method's gain as a point with its interval; zero is no difference. */
function Gains({ rows }: { rows: Schema["EstimateOut"][] }) {
  const { t } = useSpeech();
  const methods = rows.map((row) => row.method);
  return (
    <Chart label={t("line.gain_of")} height={130} option={{
      grid: { left: 8, right: 24, top: 8, bottom: 8, containLabel: true },
      tooltip: { trigger: "item" },
      xAxis: { type: "value" },
      yAxis: { type: "category", data: methods, inverse: true },
      series: [
        {
          type: "custom", data: rows.map((row, n) => [Number(row.gain_low), n, Number(row.gain_high)]), encode: { x: [0, 2], y: 1 }, silent: true,
          renderItem: (_: unknown, drawing: { value: (n: number) => number; coord: (at: [number, number]) => [number, number] }) => {
            const [left, middle] = drawing.coord([drawing.value(0), drawing.value(1)]);
            const [right] = drawing.coord([drawing.value(2), drawing.value(1)]);
            return { type: "rect", shape: { x: left, y: middle - 2, width: Math.max(1, right - left), height: 4 }, style: { fill: "#b9c7c3" } };
          },
        },
        {
          type: "scatter", symbolSize: 10, color: "#0f5257", data: rows.map((row) => [Number(row.gain), row.method]),
          markLine: { silent: true, symbol: "none", lineStyle: { color: "#8f9c98", type: "dashed" }, label: { show: false }, data: [{ xAxis: 0 }] },
        },
      ],
    }} />
  );
}
