// A bank flow from a file: its rows as the interface takes them. Account and telephone numbers in it are masked before they leave the browser.
import { cellsOf, guessColumns, textOf } from "../../parts/csv";

export const FIELDS = ["at", "amount", "credit", "debit", "direction", "counterparty", "description", "balance", "id"] as const;
export type Field = (typeof FIELDS)[number];
export type Columns = Partial<Record<Field, string>>;

/** Header words that banks use, in order of preference. */
const KNOWN: Record<Field, string[]> = {
  at: ["交易时间", "交易日期", "记账时间", "记账日期", "日期", "时间", "at", "date", "time", "day"],
  amount: ["交易金额", "金额", "发生额", "amount"],
  credit: ["收入", "收入金额", "贷方发生额", "贷方金额", "credit"],
  debit: ["支出", "支出金额", "借方发生额", "借方金额", "debit"],
  direction: ["收/支", "收支", "借贷标志", "借贷", "收支方向", "direction"],
  counterparty: ["对方户名", "交易对手", "交易对方", "对方名称", "对方", "counterparty", "payee"],
  description: ["摘要", "交易摘要", "用途", "附言", "备注", "商品", "description", "remark"],
  balance: ["余额", "账户余额", "balance"],
  id: ["流水号", "交易流水号", "交易单号", "交易订单号", "id", "reference"],
};
const TAKEN = new Set(["at", "date", "amount", "amount_fen", "direction", "counterparty", "description", "balance", "balance_fen", "own_account", "id"]);
const MOST_ROWS = 5000;

export type Row = Record<string, unknown>;

export interface FlowFile {
  name: string;
  /** The table as it stands in the file; undefined for JSON, whose rows name their own fields. */
  table?: { header: string[]; rows: string[][] };
  columns: Columns;
  rows: Row[];
  masked: number;
}

export type Unreadable = "empty" | "not_rows" | "large" | "broken";

/** Read a file. A string tells why it cannot be read. */
export async function readFlow(file: File): Promise<FlowFile | Unreadable> {
  const text = await textOf(file);
  if (/\.json$/i.test(file.name) || /^\s*[[{]/.test(text)) return fromJson(file.name, text);
  const cells = cellsOf(text);
  if (!cells) return "broken";
  const begin = cells.findIndex((row) => guessColumns(row, KNOWN).at !== undefined); // banks put the holder's name above the table
  const [header, ...rows] = cells.slice(Math.max(0, begin));
  if (!header || !rows.length) return "empty";
  if (rows.length > MOST_ROWS) return "large";
  return withColumns({ name: file.name, table: { header, rows }, columns: guessed(header), rows: [], masked: 0 });
}

function guessed(header: string[]): Columns {
  const found = guessColumns(header, KNOWN);
  if (found.amount) return { ...found, credit: undefined, debit: undefined };
  return found;
}

/** The file with the columns chosen otherwise. */
export function withColumns(file: FlowFile, columns: Columns = file.columns): FlowFile {
  if (!file.table) return file;
  const { header, rows } = file.table;
  const place = (field: Field) => (columns[field] ? header.indexOf(columns[field]) : -1);
  const mask = masker();
  const read = rows.map((cells) => {
    const cell = (field: Field) => cells[place(field)] ?? "";
    const [into, out] = [plain(cell("credit")), plain(cell("debit"))];
    const amount = columns.amount ? plain(cell("amount")) : into && Number(into) ? into : out ? `-${out.replace(/^-/, "")}` : "";
    return mask.row({
      at: when(cell("at")), amount, counterparty: cell("counterparty"), description: cell("description"),
      ...(columns.direction ? { direction: direction(cell("direction")) } : {}),
      ...(columns.balance && cell("balance") ? { balance: plain(cell("balance")) } : {}),
      ...(columns.id && cell("id") ? { id: cell("id") } : {}),
    });
  });
  return { ...file, columns, rows: read, masked: mask.count() };
}

/** Whether the columns are enough to read money by. */
export function enough(file: FlowFile): boolean {
  return !file.table || Boolean(file.columns.at && (file.columns.amount || file.columns.credit || file.columns.debit));
}

function fromJson(name: string, text: string): FlowFile | Unreadable {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return "not_rows";
  }
  const rows = Array.isArray(read) ? read : (read as { bank_flow?: unknown }).bank_flow;
  if (!Array.isArray(rows) || rows.some((row) => typeof row !== "object" || row === null)) return "not_rows";
  if (!rows.length) return "empty";
  if (rows.length > MOST_ROWS) return "large";
  const mask = masker();
  return { name, columns: {}, rows: (rows as Row[]).map(mask.row), masked: mask.count() };
}

/** Dates as banks write them (2026/03/04, 2026.03.04, 20260304) with hyphens. */
const when = (cell: string) => cell.replace(/^(\d{4})[/.]?(\d{1,2})[/.]?(\d{1,2})(?!\d)/, (whole, year: string, month: string, day: string) =>
  whole.includes("-") ? whole : `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`);
const plain = (cell: string) => cell.replace(/[,，¥￥\s]/g, "").replace(/^\+/, "");
const direction = (cell: string) => (/^(收|贷|\+|in|cr)/i.test(cell) ? "in" : /^(支|借|-|out|dr)/i.test(cell) ? "out" : cell);

/** Long numbers keep their last four digits; a bank's own number of a row becomes its place, so that the same row twice is still the same. */
function masker() {
  let masked = 0;
  const ids = new Map<string, string>();
  const text = (value: unknown) =>
    typeof value !== "string" ? value : value.replace(/\d[\d -]{5,}[\dXx]/g, (number) => {
      const digits = number.replace(/\D/g, "");
      if (digits.length < 7) return number;
      masked += 1;
      return `*${digits.slice(-4)}`;
    });
  return {
    count: () => masked,
    row: (row: Row): Row => {
      const kept: Row = Object.fromEntries(Object.entries(row).filter(([name]) => TAKEN.has(name)));
      for (const field of ["counterparty", "description"]) if (field in kept) kept[field] = text(kept[field]);
      if (typeof kept.id === "string" || typeof kept.id === "number") {
        const id = String(kept.id);
        if (!ids.has(id)) ids.set(id, `row${ids.size + 1}`);
        kept.id = ids.get(id);
      }
      return kept;
    },
  };
}

/** First and last day, when they can be read. */
export function span(rows: Row[]): [string, string] | undefined {
  const days = rows.map((row) => String(row.at ?? row.date ?? "").slice(0, 10)).filter((day) => /^\d{4}-\d\d-\d\d$/.test(day)).sort();
  return days.length ? [days[0]!, days[days.length - 1]!] : undefined;
}
