"""The **accounts** table that a plan starts from: read, checked row by row, and laid out as arrays.

Required: ``account_id, debtor_id, dpd, balance_fen``. Optional, with what their absence means: ``overdue_fen`` (the balance),
``region`` and ``language`` (any, zh), ``ability`` and ``willingness`` in 0..1 (unknown), ``last_contact`` (never; an instant, China's
time where it has no offset),
``answered_today`` and ``dials_today`` (0; the debtor's, whichever account they were about), ``hold`` (a reason such as complaint or
hardship for which nobody is contacted; empty: none), ``promise_until`` (the day up to which a promise to pay is open).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN
from jiehuan.units.text_columns import whole as whole_numbers

if TYPE_CHECKING:
    import polars as pl

REQUIRED = ("account_id", "debtor_id", "dpd", "balance_fen")
_MAX_DPD = 36_500


@dataclass(frozen=True, slots=True)
class Accounts:
    """The good rows as arrays of one length, and a Problem for each row that was left out."""

    account_id: list[str]
    debtor_id: list[str]
    dpd: NDArray[np.int64]
    balance_fen: NDArray[np.int64]
    overdue_fen: NDArray[np.int64]
    region: list[str]
    language: list[str]
    ability: NDArray[np.float64]
    willingness: NDArray[np.float64]
    last_contact: NDArray[np.int64]  # seconds since 1970 UTC, -1 never
    answered_today: NDArray[np.int64]
    dials_today: NDArray[np.int64]
    hold: list[str]
    promise_until: NDArray[np.int64]  # days since 1970, -1 none
    refused: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.account_id)


def read_accounts(table: pl.DataFrame | Sequence[Mapping[str, Any]], where: str = "accounts") -> Accounts:
    """Read accounts from a frame or from rows. A bad row is refused with its reason and never loses the good ones.

    Raises InputError when a required column is missing.
    """
    import polars as pl

    frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(list(table), infer_schema_length=None)
    if frame.height == 0 and not frame.columns:
        frame = pl.DataFrame(
            schema={"account_id": pl.String, "debtor_id": pl.String, "dpd": pl.Int64, "balance_fen": pl.Int64}
        )
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise InputError(
            [Problem(f"{where}, {name}", "", "missing column", f"add the column {name}") for name in missing]
        )
    n = frame.height
    refused: list[Problem] = []
    bad = np.zeros(n, bool)

    def refuse(rows: NDArray[np.bool_], name: str, reason: str, mend: str) -> None:
        for i in np.flatnonzero(rows & ~bad):
            value = frame[name][int(i)] if name in frame.columns else ""
            refused.append(
                Problem(f"{where} row {i + 1}, {name}", "" if value is None else str(value)[:80], reason, mend)
            )
        bad[rows] = True

    def text(name: str) -> list[str]:
        if name not in frame.columns:
            return [""] * n
        return [value or "" for value in frame[name].cast(pl.String).to_list()]

    def whole(name: str, otherwise: NDArray[np.int64], high: int) -> NDArray[np.int64]:
        if name not in frame.columns:
            return otherwise
        column = frame[name]
        number = whole_numbers(column)
        given = column.is_not_null().to_numpy()
        known = number.is_not_null().to_numpy()
        refuse(~known & (given | (name in REQUIRED)), name, "not a whole number", "write one, without decimals")
        values = number.fill_null(0).to_numpy()
        refuse((values < 0) | (values > high), name, f"outside 0 to {high}", "check the sign and the unit")
        return np.where(given, values, otherwise)

    def score(name: str) -> NDArray[np.float64]:
        if name not in frame.columns:
            return np.full(n, np.nan)
        column = frame[name]
        readable = column.dtype.is_numeric() or column.dtype == pl.String
        read = column.cast(pl.Float64, strict=False) if readable else pl.Series([None] * n, dtype=pl.Float64)
        values = read.fill_null(float("nan")).to_numpy().astype(np.float64)
        odd = column.is_not_null().to_numpy() & ~((values >= 0) & (values <= 1))
        refuse(odd, name, "not a score from 0 to 1", "write one, or leave it empty")
        return values

    zero = np.zeros(n, np.int64)
    account_id, debtor_id = text("account_id"), text("debtor_id")
    for name, values in (("account_id", account_id), ("debtor_id", debtor_id)):
        refuse(np.array([not value for value in values], bool).reshape(n), name, "empty", f"write the {name}")
    seen = frame["account_id"].cast(pl.String).is_first_distinct().to_numpy()
    refuse(~seen, "account_id", "the account stands here twice", "keep one row for each account")
    dpd = whole("dpd", zero, _MAX_DPD)
    balance = whole("balance_fen", zero, MAX_FEN)
    overdue = whole("overdue_fen", balance, MAX_FEN)
    ability, willingness = score("ability"), score("willingness")
    answered, dials = whole("answered_today", zero, 10_000), whole("dials_today", zero, 10_000)
    last = np.array(
        [_second(value, i, where, refused, bad) for i, value in enumerate(_values(frame, "last_contact"))], np.int64
    )
    promise = np.array(
        [_day(value, i, where, refused, bad) for i, value in enumerate(_values(frame, "promise_until"))], np.int64
    )
    good = np.flatnonzero(~bad)

    def pick(values: list[str]) -> list[str]:
        return [values[i] for i in good]

    return Accounts(
        pick(account_id),
        pick(debtor_id),
        dpd[good],
        balance[good],
        overdue[good],
        pick(text("region")),
        [language or "zh" for language in pick(text("language"))],
        ability[good],
        willingness[good],
        last.reshape(n)[good],
        answered[good],
        dials[good],
        pick(text("hold")),
        promise.reshape(n)[good],
        tuple(refused),
    )


def _values(frame: pl.DataFrame, name: str) -> list[Any]:
    return frame[name].to_list() if name in frame.columns else [None] * frame.height


def _second(value: Any, i: int, where: str, refused: list[Problem], bad: NDArray[np.bool_]) -> int:
    if value is None or value == "":
        return -1
    at = value
    if not isinstance(at, datetime):
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            at = None
    if at is None:
        bad[i] = True
        mend = "write 2026-11-24T21:05:00+08:00 (without an offset: China's time)"
        refused.append(Problem(f"{where} row {i + 1}, last_contact", str(value)[:80], "not an instant", mend))
        return -1
    return int((at if at.tzinfo else at.replace(tzinfo=CHINA)).timestamp())


def _day(value: Any, i: int, where: str, refused: list[Problem], bad: NDArray[np.bool_]) -> int:
    if value is None or value == "":
        return -1
    try:
        day = (
            value.date()
            if isinstance(value, datetime)
            else value
            if isinstance(value, date)
            else date.fromisoformat(str(value))
        )
    except ValueError:
        bad[i] = True
        refused.append(
            Problem(f"{where} row {i + 1}, promise_until", str(value)[:80], "not a date", "write YYYY-MM-DD")
        )
        return -1
    return (day - date(1970, 1, 1)).days
