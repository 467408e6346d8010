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

/** The sum of amounts in yuan, to the fen. */
export function total(amounts: string[]): string {
  return (amounts.reduce((sum, amount) => sum + Math.round(Number(amount) * 100), 0) / 100).toFixed(2);
}

/** Ten thousands of yuan, for axes. */
export function inTenThousands(value: string | number): number {
  return Math.round(Number(value) / 100) / 100;
}

/** A large amount for a tile, in the language's own unit: 万 in Chinese, k and M in English. */
export function bigYuan(value: string | number, chinese: boolean): string {
  const yuan = Number(value);
  const shown = (figure: number, places: number) => figure.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
  if (chinese) {
    if (yuan >= 1e8) return `¥${shown(yuan / 1e8, 2)} 亿`;
    return yuan >= 1e4 ? `¥${shown(yuan / 1e4, 2)} 万` : `¥${shown(yuan, 2)}`;
  }
  if (yuan >= 1e6) return `¥${shown(yuan / 1e6, 2)} M`;
  return yuan >= 1e3 ? `¥${shown(yuan / 1e3, 1)} k` : `¥${shown(yuan, 2)}`;
}

export function percent(value: string | number | null | undefined, digits = 2): string {
  return value === null || value === undefined ? "–" : `${(Number(value) * 100).toFixed(digits)}%`;
}

export function day(value: string | null | undefined): string {
  return value ? dayjs(value).format("YYYY-MM-DD") : "–";
}

/** An instant on the clock of China, whatever the reader's own zone: the server writes it with its offset. */
export function moment(value: string | null | undefined): string {
  return value ? value.slice(0, 16).replace("T", " ") : "–";
}

const TONES: Record<string, string> = {
  approve: "green", approved: "green", booked: "green", signed: "cyan", settled: "green", paid: "green", normal: "green", M0: "green", kept: "green",
  champion: "green", active: "blue", done: "green", answered: "green", up: "green", A: "green",
  refuse: "red", refused: "red", critical: "red", overdue: "red", M3: "red", "M3+": "red", doubtful: "red", loss: "red", written_off: "red",
  blocked: "red", broken: "red", failed: "red", D: "red",
  review: "gold", warning: "orange", special_mention: "gold", M1: "gold", M2: "orange", substandard: "orange", confirmed: "orange", C: "orange",
  down: "orange", restructured: "orange", proposed: "blue", holdout: "purple", in_force: "green", waiting: "cyan", draft: "blue", held: "purple", open: "blue", filed: "cyan", prepared: "blue", sold: "volcano",
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
