// Two policies on the newest decisions: outcomes before and after, how limits change, what it costs, who is concerned.
import { useMemo } from "react";
import { Link } from "react-router";
import type { Schema } from "../api/client";
import { Chart } from "../charts/Chart";
import { useSpeech } from "../i18n";
import { Facts } from "../parts/Facts";
import { Rows } from "../parts/Rows";
import { Code, percent, yuan } from "../parts/show";

type Difference = Schema["DifferenceOut"];
const OUTCOMES = ["approve", "review", "refuse"];
const TONES = ["#0f5257", "#d9822b", "#9e2b25"];

interface Who {
  application_id?: string;
  outcome_before: string;
  outcome_after: string;
  limit_fen_before: number | null;
  limit_fen_after: number | null;
  rate_ppm_before: number | null;
  rate_ppm_after: number | null;
  limit_change_fen: number;
}

export function DifferencePictures({ found }: { found: Difference }) {
  const { t, code } = useSpeech();
  const outcomes = useMemo(() => ({
    legend: { top: 0 }, tooltip: { trigger: "axis" }, xAxis: { type: "value", minInterval: 1 }, yAxis: { type: "category", data: [t("diff.after"), t("diff.before")] },
    series: OUTCOMES.map((outcome, n) => ({
      name: code("outcome", outcome), type: "bar", stack: "all", itemStyle: { color: TONES[n] }, label: { show: true, formatter: ({ value }: { value: number }) => (value ? String(value) : "") },
      data: [found.after.by_outcome[outcome] ?? 0, found.before.by_outcome[outcome] ?? 0],
    })),
  }), [found, t, code]);
  const changes = useMemo(() => {
    const bands = found.limit_changes as { from: number | null; to: number | null; rows: number }[];
    const kept = [...bands.slice(1).filter((band) => band.to !== null && band.to <= 0), bands[0]!, ...bands.slice(1).filter((band) => band.to === null || band.to > 0)];
    return {
      tooltip: { trigger: "axis" }, xAxis: { type: "category", data: kept.map(banded), axisLabel: { interval: 0, rotate: 30, fontSize: 10 } }, yAxis: { type: "value", minInterval: 1 },
      series: [{ type: "bar", data: kept.map((band) => ({ value: band.rows, itemStyle: { color: band.from === 0 && band.to === 0 ? "#8a938f" : (band.to ?? 1) <= 0 ? "#9e2b25" : "#0f5257" } })), label: { show: true, position: "top", formatter: ({ value }: { value: number }) => (value ? String(value) : "") } }],
    };
  }, [found]);
  const fen = (value: number | null) => (value === null ? "–" : yuan((value / 100).toFixed(2)));
  const ppm = (value: number | null) => (value === null ? "–" : percent(value / 1_000_000));
  return (
    <>
      <Facts items={[
        { label: t("diff.rows"), children: found.rows },
        { label: t("diff.changed"), children: <strong>{found.changed}</strong> },
        { label: t("diff.drawn"), children: `${yuan(found.before.may_be_drawn)} → ${yuan(found.after.may_be_drawn)}` },
        { label: t("diff.loss"), children: <>{yuan(found.before.expected_loss)} → {yuan(found.after.expected_loss)} <strong className={Number(found.expected_loss_change) > 0 ? "bad" : "good"}>({yuan(found.expected_loss_change)})</strong></> },
        { label: t("diff.rate"), children: `${percent(found.before.mean_rate)} → ${percent(found.after.mean_rate)}` },
        { label: t("diff.lgd"), children: percent(found.lgd, 0) },
      ]} />
      <div className="pictures">
        <div><strong>{t("diff.outcomes")}</strong><Chart label={t("diff.outcomes")} height={180} option={outcomes} /></div>
        {found.changed > 0 && <div><strong>{t("diff.limits")}</strong><Chart label={t("diff.limits")} height={220} option={changes} /></div>}
      </div>
      {found.newly_refused_for.length > 0 && (
        <p>{t("diff.newly")} {(found.newly_refused_for as { zh: string; en: string; rows: number }[]).map((one) => <Reason key={one.en} one={one} />)}</p>
      )}
      {found.changed > 0 && <Rows<Who>
        rowKey={(row) => row.application_id ?? JSON.stringify(row)}
        dataSource={found.who as unknown as Who[]}
        pagination={{ pageSize: 10, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t("field.application"), render: (_, row) => (row.application_id ? <Link to={`/applications/${encodeURIComponent(row.application_id)}`}>{row.application_id.slice(0, 14)}</Link> : "–") },
          { title: t("diff.before"), render: (_, row) => <><Code group="outcome" value={row.outcome_before} />{fen(row.limit_fen_before)} · {ppm(row.rate_ppm_before)}</> },
          { title: t("diff.after"), render: (_, row) => <><Code group="outcome" value={row.outcome_after} />{fen(row.limit_fen_after)} · {ppm(row.rate_ppm_after)}</> },
          { title: t("diff.change"), align: "right", render: (_, row) => fen(row.limit_change_fen) },
        ]}
      />}
    </>
  );
}

function Reason({ one }: { one: { zh: string; en: string; rows: number } }) {
  const { pick } = useSpeech();
  return <span>{pick(one)} ({one.rows}) </span>;
}

function banded(band: { from: number | null; to: number | null }): string {
  const short = (value: number) => (value === 0 ? "0" : `${value / 1000}k`);
  if (band.from === 0 && band.to === 0) return "±0";
  if (band.from === null) return `≤ ${short(band.to ?? 0)}`;
  if (band.to === null) return `> ${short(band.from)}`;
  return `${short(band.from)}…${short(band.to)}`;
}
