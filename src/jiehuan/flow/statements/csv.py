"""A bank's CSV by a small mapping (YAML): which column is what. A bad row costs itself only.

currency: CNY            # what the account is kept in
encoding: utf-8-sig      # or gb18030, as many banks write
delimiter: ","
date_format: "%Y-%m-%d"
columns:
  value_date: 交易日期    # value date
  amount: 金额            # signed; or credit: and debit: in columns of their own
  entry_reference: 流水号 # the bank's number of the entry
  end_to_end: 端到端标识   # optional, as the next ones
  texts: [附言, 摘要]
  virtual_account: 子账号
  payer: 对方账号
  balance: 余额           # running balance after the row: opening and closing follow from it
  currency: 币种
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from jiehuan.flow.statements.statement import Line, RefusedRow, Statement
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import format_yuan, parse_yuan

_KEYS = {"currency", "encoding", "delimiter", "date_format", "columns"}
_COLUMNS = {
    "value_date", "amount", "credit", "debit", "entry_reference", "end_to_end", "texts", "virtual_account", "payer", "balance",
    "currency",
}  # fmt: skip


def read_csv(content: bytes, where: str, mapping: Mapping[str, Any], account: str, reference: str = "") -> Statement:
    """Read one statement. Raises InputError for a mapping or a header that does not fit; a bad row is only refused."""
    columns = _columns(mapping)
    if not account:
        raise InputError(Problem("--account", "", "missing", "name the account that the statement is of"))
    encoding = str(mapping.get("encoding") or "utf-8-sig")
    try:
        text = content.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        raise InputError(
            Problem(where, encoding, "is not text in this encoding", "set encoding in the mapping")
        ) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=str(mapping.get("delimiter") or ","))
    _must_have(reader.fieldnames or [], columns, where)
    currency = str(mapping.get("currency") or "CNY")
    lines: list[Line] = []
    refused: list[RefusedRow] = []
    problems: list[Problem] = []
    opening: int | None = None
    balance: int | None = None
    times: Counter[str] = Counter()
    try:
        for row, cells in enumerate(reader, start=2):
            if not any(str(cell or "").strip() for cell in cells.values()):
                continue
            read = _Row(cells, columns, mapping, f"{where} row {row}", currency)
            said = read.balance()
            if read.amount is not None and said is not None:
                if balance is not None and balance + read.amount != said:
                    reason = f"does not follow from the row before ({format_yuan(balance)})"
                    problems.append(
                        Problem(f"{where} row {row}, balance", format_yuan(said), reason, "a row is missing or altered")
                    )
                opening = said - read.amount if opening is None else opening
            balance = said if said is not None else balance
            own = read.cell("entry_reference")
            if not own:
                digest = hashlib.sha256("\x1f".join(str(cell) for cell in cells.values()).encode()).hexdigest()[:24]
                times[digest] += 1
                own = f"row:{digest}:{times[digest]}"
            if read.problem or read.on is None or read.amount is None:
                refused.append(
                    RefusedRow(row, own[:200], read.problem or Problem(where, "", "unreadable"), read.amount)
                )
                continue
            texts = tuple(text for text in (read.cells.get(name) or "" for name in columns.get("texts", [])) if text)
            lines.append(Line(
                row, own[:200], read.on, read.amount, read.cell("end_to_end")[:200] or None, texts,
                read.cell("virtual_account"), read.cell("payer"),
            ))  # fmt: skip
    except csv.Error as error:
        raise InputError(
            Problem(f"{where} line {reader.line_num}", "", f"malformed CSV: {error}", "mend the file")
        ) from None
    if not lines and not refused:
        raise InputError(Problem(where, "", "holds no rows", "check the file"))
    closed_on = max((line.on for line in lines), default=date(1970, 1, 1))
    name = reference or f"{closed_on.isoformat()}:{hashlib.sha256(content).hexdigest()[:12]}"
    closing = balance if "balance" in columns else None
    return Statement(
        account,
        name,
        "csv",
        currency,
        closed_on,
        opening,
        closing,
        tuple(lines),
        tuple(refused),
        problems=tuple(problems),
    )


class _Row:
    """One row read as far as it can be."""

    def __init__(
        self,
        cells: Mapping[str, Any],
        columns: Mapping[str, Any],
        mapping: Mapping[str, Any],
        where: str,
        currency: str,
    ) -> None:
        self.cells = {name: str(cell or "").strip() for name, cell in cells.items() if isinstance(name, str)}
        self.columns, self.where = columns, where
        self.problem: Problem | None = None
        self.on: date | None = None
        self.amount = self._amount()
        try:
            self.on = datetime.strptime(self.cell("value_date"), str(mapping.get("date_format") or "%Y-%m-%d")).date()  # noqa: DTZ007
        except ValueError:
            self._wrong("value_date", self.cell("value_date"), "not a date", "set date_format in the mapping")
        own = self.cell("currency")
        if own and own.upper() != currency.upper():
            self._wrong("currency", own, f"not the account's currency, {currency}", "convert it at the bank")
        if self.amount == 0:
            self._wrong("amount", "0.00", "moves no money", "")

    def cell(self, name: str) -> str:
        return self.cells.get(self.columns.get(name, ""), "")

    def balance(self) -> int | None:
        try:
            return self._money("balance") if self.cell("balance") else None
        except InputError as error:
            self.problem = self.problem or error.problems[0]
            return None

    def _amount(self) -> int | None:
        try:
            if "amount" in self.columns:
                return self._money("amount")
            credit = self._money("credit") if self.cell("credit") else 0
            debit = self._money("debit") if self.cell("debit") else 0
            return credit - abs(debit)
        except InputError as error:
            self.problem = error.problems[0]
            return None

    def _money(self, name: str) -> int:
        text = self.cell(name).replace(",", "").replace("¥", "").replace("￥", "")
        return parse_yuan(text.removeprefix("+"), f"{self.where}, {self.columns[name]}", minimum=None)

    def _wrong(self, name: str, value: str, reason: str, mend: str) -> None:
        column = self.columns.get(name, name)
        self.problem = self.problem or Problem(f"{self.where}, {column}", value[:80], reason, mend)


def _columns(mapping: Mapping[str, Any]) -> dict[str, Any]:
    columns = mapping.get("columns")
    if not isinstance(columns, Mapping):
        raise InputError(Problem("mapping, columns", "", "missing", "say which column is what"))
    unknown = [*(set(mapping) - _KEYS), *(set(columns) - _COLUMNS)]
    if unknown:
        known = ", ".join(sorted(_COLUMNS))
        raise InputError(
            [Problem("mapping", str(name), "means nothing here", f"columns are {known}") for name in unknown]
        )
    if "value_date" not in columns or not ("amount" in columns or {"credit", "debit"} <= set(columns)):
        raise InputError(
            Problem("mapping, columns", "", "lacks value_date, or amount (or credit and debit)", "add them")
        )
    texts = columns.get("texts", [])
    return {
        **{name: str(column) for name, column in columns.items()},
        "texts": [texts] if isinstance(texts, str) else list(texts),
    }


def _must_have(header: Any, columns: Mapping[str, Any], where: str) -> None:
    names = [name for key, name in columns.items() if key != "texts"] + list(columns["texts"])
    missing = [name for name in names if name not in header]
    if missing:
        there = ", ".join(str(name) for name in header)[:300]
        raise InputError(
            [Problem(f"{where} header", name, "no such column", f"there are: {there}") for name in missing]
        )
