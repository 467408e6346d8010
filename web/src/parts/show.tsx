// How values are shown, the same everywhere: money, rates, days, codes, ids.
import { Tag, Typography } from "antd";
import dayjs from "dayjs";
import { Link } from "react-router";
import { useSpeech } from "../i18n";

/** Yuan with thousands separators; nothing is rounded. */
export function yuan(value: string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const [whole = "", cents] = value.split(".");
  return `${whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",")}${cents ? `.${cents}` : ""}`;
}

/** Ten thousands of yuan for tiles and axes. */
export function inTenThousands(value: string | number): number {
  return Math.round(Number(value) / 100) / 100;
}

export function percent(value: string | number | null | undefined, digits = 2): string {
  return value === null || value === undefined ? "–" : `${(Number(value) * 100).toFixed(digits)}%`;
}

export function day(value: string | null | undefined): string {
  return value ? dayjs(value).format("YYYY-MM-DD") : "–";
}

export function moment(value: string | null | undefined): string {
  return value ? dayjs(value).format("YYYY-MM-DD HH:mm") : "–";
}

const TONES: Record<string, string> = {
  approve: "green", approved: "green", booked: "green", signed: "cyan", settled: "green", paid: "green", normal: "green", M0: "green", confirmed: "orange",
  refuse: "red", refused: "red", critical: "red", overdue: "red", M3: "red", "M3+": "red", doubtful: "red", loss: "red", written_off: "red", blocked: "red",
  review: "gold", warning: "orange", special_mention: "gold", M1: "gold", M2: "orange", substandard: "orange", holdout: "purple", open: "blue",
};

/** A code of the interface as a coloured word. */
export function Code({ group, value }: { group: string; value: string | null | undefined }) {
  const { code } = useSpeech();
  if (!value) return <span className="muted">–</span>;
  return <Tag color={TONES[value]}>{code(group, value)}</Tag>;
}

/** A long id, shortened, that leads to its page and can be copied. */
export function Id({ value, to }: { value: string; to?: string }) {
  const short = value.length > 14 ? `${value.slice(0, 6)}…${value.slice(-5)}` : value;
  return (
    <Typography.Text copyable={{ text: value, tooltips: false }} style={{ whiteSpace: "nowrap", fontFamily: "ui-monospace, monospace", fontSize: 12 }}>
      {to ? <Link to={to} title={value}>{short}</Link> : <span title={value}>{short}</span>}
    </Typography.Text>
  );
}
