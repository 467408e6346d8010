"""A bank flow: how its rows are read, and what cannot be read is told without losing the good ones.

A row is ``{at | date, amount_fen | amount, direction?, counterparty?, description?, balance_fen? | balance?,
own_account?, id?}``. Amounts are signed (in above 0, out below), or unsigned with ``direction`` in or out (收, 支).
Plain amounts are yuan strings, ``_fen`` whole fen. ``own_account`` says that the other account is the borrower's own.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from jiehuan.profile.history import countable, moment_of
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, Problem
from jiehuan.units.money import MAX_FEN, parse_yuan

_IN = {"in", "credit", "收", "收入", "贷", "cr"}
_OUT = {"out", "debit", "支", "支出", "借", "dr"}
_NONE = (None, "")
_YES = (True, 1, "true", "True", "1", "是", "yes")
_IN_FEN = {"amount": "amount_fen", "balance": "balance_fen"}
_PLAIN = re.compile(r"-?\d{1,10}(?:\.(\d{1,2}))?\Z", re.ASCII)
_SCALE = (100, 10, 1)
"""Fen in the last place of a number of yuan with no, one or two decimals."""


class Transaction(NamedTuple):
    """One movement on the account: ``amount_fen`` above 0 came in, below 0 went out; ``row`` is its row in the file."""

    at: datetime
    amount_fen: int
    counterparty: str
    description: str
    balance_fen: int | None = None
    own: bool = False
    row: int = 0

    @property
    def text(self) -> str:
        """Counterparty and description in small letters, for looking up words."""
        return f"{self.counterparty} {self.description}".lower()


@dataclass(frozen=True)
class BankFlow:
    """Transactions in order of time, the rows that were refused, and where the running balance does not add up."""

    transactions: tuple[Transaction, ...]
    refused: tuple[Problem, ...] = ()
    balance_breaks: tuple[int, ...] = ()

    def before(self, moment: datetime) -> BankFlow:
        """The flow as it was known at ``moment``: nothing at or after it. Raises InputError when nothing is left."""
        kept = self.transactions[: bisect_left(self.transactions, moment, key=itemgetter(0))]
        if not kept:
            raise InputError(
                Problem("bank_flow", "", f"no transaction before {moment:%Y-%m-%d}", "give an earlier flow")
            )
        return replace(self, transactions=kept)


def read_flow(rows: Iterable[Any], place: str = "bank_flow") -> BankFlow:
    """Read the rows of a flow. Bad rows are refused by name in the result; raises InputError when none is good."""
    good: list[Transaction] = []
    refused: list[Problem] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if type(row) is not dict and not isinstance(row, Mapping):
            where = f"{place} row {number}"
            refused.append(Problem(where, str(row)[:80], "not an object", "write the columns of a transaction"))
            continue
        key = row.get("id")
        if key and (key := str(key)) in seen:
            where = f"{place} row {number}, id"
            refused.append(Problem(where, key, "the same transaction again", "remove the doubled row"))
            continue
        one = _usual(row, number)
        if one is None:
            try:
                one = _transaction(row, place, number)
            except InputError as error:
                refused.extend(error.problems)
                continue
        good.append(one)
        if key:
            seen.add(key)
    if not good:
        raise InputError(refused or [Problem(place, "", "no transactions", "give at least one row")])
    breaks = _balance_breaks(good)
    good.sort(key=itemgetter(0))  # by time; within an instant they stay in the order of the file
    return BankFlow(tuple(good), tuple(refused), breaks)


def _usual(row: Mapping[str, Any], number: int) -> Transaction | None:
    """A row as nearly all are written: a day, yuan, two texts, perhaps an id. None for any other, which is read with care."""
    try:
        day, value, counterparty, description = row["date"], row["amount"], row["counterparty"], row["description"]
    except KeyError:
        return None
    if len(row) != 4 + ("id" in row) or not type(day) is type(value) is type(counterparty) is type(description) is str:
        return None
    plain, at = _PLAIN.match(value), _day_of(day)
    if plain is None or at is None:
        return None
    amount = int(value.replace(".", "")) * _SCALE[len(plain[1] or "")]
    return Transaction(at, amount, counterparty.strip(), description.strip(), None, False, number) if amount else None


def _transaction(row: Mapping[str, Any], place: str, number: int) -> Transaction:
    try:
        at, amount, balance = _moment(row), _amount(row), _fen(row, "balance")
    except InputError:
        raise _told(row, f"{place} row {number}") from None
    counterparty, description = row.get("counterparty"), row.get("description")
    return Transaction(
        at,
        amount,
        str(counterparty).strip() if counterparty else "",
        str(description).strip() if description else "",
        balance,
        "own_account" in row and row["own_account"] in _YES,
        number,
    )


def _told(row: Mapping[str, Any], where: str) -> InputError:
    """All that is wrong with a row, each fault with its place."""
    problems: list[Problem] = []
    for read in (_moment, _amount, lambda row: _fen(row, "balance")):
        try:
            read(row)
        except InputError as error:
            problems.extend(replace(one, where=f"{where}, {one.where}") for one in error.problems)
    return InputError(problems)


def _moment(row: Mapping[str, Any]) -> datetime:
    place = "at" if row.get("at") not in _NONE else "date"
    value = row.get(place)
    if isinstance(value, str):
        known = _day_of(value)
        if known is not None:
            return known
    if isinstance(value, datetime):
        moment = moment_of(value)
    elif isinstance(value, str) and len(value.strip()) > 10:
        try:
            moment = moment_of(datetime.fromisoformat(value.strip().replace("/", "-")))
        except ValueError:
            mend = "write YYYY-MM-DD or an ISO instant"
            raise InputError(Problem(place, value[:80], "not a date or an instant", mend)) from None
    else:
        moment = moment_of(parse_date(value, place))
    countable(moment.date(), place)
    return moment


@lru_cache(maxsize=4096)
def _day_of(text: str) -> datetime | None:
    """A plain YYYY-MM-DD as an instant: the days of all flows are the same few hundred. None for anything else."""
    if len(text) != 10:
        return None
    try:
        moment = moment_of(parse_date(text, ""))
        countable(moment.date(), "")
    except InputError:
        return None
    return moment


def _amount(row: Mapping[str, Any]) -> int:
    amount = _fen(row, "amount")
    if amount is None:
        raise InputError(Problem("amount", "", "is missing", "write yuan like -25.50"))
    direction = row.get("direction")
    if direction:
        direction = str(direction).strip().lower()
    if not direction:
        pass
    elif direction in _OUT:
        amount = -abs(amount)
    elif direction in _IN:
        amount = abs(amount)
    else:
        raise InputError(Problem("direction", direction[:80], "not a direction", "write in or out"))
    if amount == 0:
        raise InputError(Problem("amount", "0", "nothing was moved", "remove the row"))
    return amount


def _fen(row: Mapping[str, Any], name: str) -> int | None:
    exact = row.get(_IN_FEN[name])
    if exact is not None and exact != "":
        if not isinstance(exact, int) or isinstance(exact, bool) or abs(exact) > MAX_FEN:
            mend = "write a whole number of fen"
            raise InputError(Problem(f"{name}_fen", str(exact)[:80], "not an amount in fen", mend))
        return exact
    value = row.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        plain = _PLAIN.match(value)
        if plain is not None:  # as nearly all amounts are written; what is odd is read with care below
            return int(value.replace(".", "")) * _SCALE[len(plain[1] or "")]
        value = value.replace(",", "").replace("¥", "").removeprefix("+").strip()
    return parse_yuan(value, name, minimum=None)


def _balance_breaks(rows: list[Transaction]) -> tuple[int, ...]:
    """Rows whose balance is not the one before plus the amount, in the order of the file (either way round)."""
    told = [one for one in rows if one.balance_fen is not None]
    if len(told) < 2:
        return ()
    down = [b.row for a, b in pairwise(told) if b.balance_fen != (a.balance_fen or 0) + b.amount_fen]
    up = [a.row for a, b in pairwise(told) if a.balance_fen != (b.balance_fen or 0) + a.amount_fen]
    return tuple(down if len(down) <= len(up) else up)
