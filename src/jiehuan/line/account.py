"""Line accounts from a table: each row checked, a bad one refused with its reason and never at the others' cost.

Required: ``borrower_id, limit_fen, balance_fen, pd`` and ``rate`` (a decimal a year) or ``rate_ppm``. Optional: the other fields of
``LineAccount``; an empty cell is what its absence means there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from jiehuan.line.decision import LineAccount, check_account
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.money import MAX_FEN
from jiehuan.units.rates import parse_contract_rate

REQUIRED = ("borrower_id", "limit_fen", "balance_fen", "pd")
_WHOLE = (
    "limit_fen",
    "balance_fen",
    "rate_ppm",
    "dpd",
    "months_on_book",
    "months_clean",
    "obligations_fen",
    "lines_fen",
    "income_fen",
)
_DATES = ("last_limit_change", "last_rate_change")
_DIRECTIONS = ("", "raise", "lower")


def read_accounts(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str], where: str = "accounts"
) -> tuple[list[LineAccount], list[Problem]]:
    """The good rows as accounts, and the problems of the others. Raises InputError when a required column is missing."""
    present = set(columns)
    missing = [name for name in REQUIRED if name not in present] + ([] if present & {"rate", "rate_ppm"} else ["rate"])
    if missing:
        raise InputError(
            [Problem(f"{where}, {name}", "", "missing column", f"add the column {name}") for name in missing]
        )
    accounts: list[LineAccount] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for place, row in enumerate(rows, 1):
        try:
            account = read_account(row, f"{where} row {place}")
        except JiehuanError as error:
            problems.extend(error.problems)
            continue
        if account.borrower_id in seen:
            place_said = f"{where} row {place}, borrower_id"
            problems.append(
                Problem(place_said, account.borrower_id, "stands here twice", "keep one row for each borrower")
            )
            continue
        seen.add(account.borrower_id)
        accounts.append(account)
    return accounts, problems


def read_account(row: Mapping[str, Any], where: str) -> LineAccount:
    """One row as an account. Raises InputError with all its faults."""
    problems: list[Problem] = []
    values: dict[str, Any] = {"borrower_id": str(row.get("borrower_id") or ""), "alert": str(row.get("alert") or "")}
    for name in _WHOLE:
        value = row.get(name)
        if value in (None, ""):
            if name in {"limit_fen", "balance_fen"}:
                problems.append(Problem(f"{where}, {name}", "", "missing", f"write {name}"))
            continue
        number = _whole(value)
        if number is None:
            problems.append(
                Problem(f"{where}, {name}", str(value)[:80], "not a whole number of a sensible size", "write one, without decimals")
            )
        else:
            values[name] = number
    for name in _DATES:
        if row.get(name) not in (None, ""):
            try:
                values[name] = _date(row[name], f"{where}, {name}")
            except InputError as error:
                problems.extend(error.problems)
    if row.get("rate") not in (None, ""):
        try:
            values["rate_ppm"] = parse_contract_rate(row["rate"], f"{where}, rate")
        except InputError as error:
            problems.extend(error.problems)
    elif "rate_ppm" not in values:
        problems.append(Problem(f"{where}, rate", "", "missing", "write the rate a year, like 0.18"))
    direction = str(row.get("last_direction") or "")
    if direction not in _DIRECTIONS:
        problems.append(
            Problem(f"{where}, last_direction", direction[:80], "unknown", "write raise or lower, or leave it empty")
        )
    try:
        values["pd"] = float(str(row.get("pd")))
    except ValueError:
        problems.append(
            Problem(f"{where}, pd", str(row.get("pd"))[:80], "not a probability", "write a number from 0 to 1")
        )
    if problems:
        raise InputError(problems)
    words = row.get("alert_reason")
    if isinstance(words, Mapping):
        values["alert_reason"] = {str(language): str(said) for language, said in words.items()}
    account = LineAccount(last_direction=direction, **values)
    check_account(account, where)
    return account


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (float, Decimal)):
        value = int(value) if math.isfinite(value) and value == int(value) else None
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) < 20 else None
    return value if isinstance(value, int) and abs(value) <= MAX_FEN else None


def _date(value: Any, where: str) -> date:
    return value.date() if isinstance(value, datetime) else parse_date(value, where)
