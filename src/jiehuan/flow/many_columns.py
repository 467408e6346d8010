"""Repayments of one day on plain loans, one a loan, by columns: the fold, the entries that are new, and the texts of all rows."""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from jiehuan.flow.closing.write import tab_text
from jiehuan.law import law_on
from jiehuan.ledger.chart import non_accrual_above_dpd
from jiehuan.loan.book_cells import fold_part_moves, read_book
from jiehuan.loan.civil import day_number, day_of
from jiehuan.loan.day_end import standing_table
from jiehuan.loan.lawful import law_cells
from jiehuan.loan.layout import (
    K_DRAW,
    K_INTEREST,
    K_PENALTY,
    K_REPAYMENT,
    M_CASH,
    M_COSTS,
    M_CREDIT,
    M_DAY,
    M_DPD,
    M_EVENT,
    M_INTEREST,
    M_KIND,
    M_PENALTY,
    M_PRINCIPAL,
    O_DPD,
    O_OVERDUE,
    O_PRINCIPAL,
    O_STATUS,
)
from jiehuan.loan.replay import STATUSES  # the words of O_STATUS
from jiehuan.store.act import STATE
from jiehuan.store.bulk import Slim
from jiehuan.store.many import Chain, Kept, Loan

if TYPE_CHECKING:
    from jiehuan.flow.repay import Payment

_KINDS = {K_DRAW: "draw", K_INTEREST: "interest", K_PENALTY: "penalty", K_REPAYMENT: "repayment"}
_PARTS = (
    (M_PRINCIPAL, "principal"),
    (M_INTEREST, "interest"),
    (M_PENALTY, "penalty"),
    (M_COSTS, "costs"),
    (M_CREDIT, "credit"),
)
_SIGNS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghjkmnpqrstvwxyz")


@dataclass(slots=True)
class Taken:
    """What fits the fast way: answers by the payment's place, and all that is to be written."""

    answers: dict[int, dict[str, Any]]
    posts: list[tuple[str, list[Slim]]]
    kept: Kept
    states: bytes


def plain_ones(
    payments: Sequence[Payment],
    loans: Mapping[str, Loan],
    events: Mapping[str, Sequence[tuple[Any, ...]]],
    chains: Mapping[str, Chain],
    on: date,
) -> Taken:
    """Fold the loans with their payments; those whose books need more than plain entries are left out.

    Left out are loans that the fold refuses, that stop accruing, that have movements of other kinds, and whose stored journal
    is not the beginning of what the fold comes to.
    """
    event_ids = [event_id(one.loan_id, one.key) for one in payments]
    [*parts], _ = read_book(_book(payments, loans), _events(payments, event_ids, events), on, on)
    law = np.array(law_cells(on, law_on), dtype=np.int64)
    taken = Taken({}, [], Kept([], [], []), b"")
    lines: list[pl.DataFrame] = []
    for part in parts:
        out, refused, moved, starts = fold_part_moves(part, day_number(on), law)
        good = np.flatnonzero(_good(out, refused, moved, starts))
        places, spans = part.rows.tolist(), part.spans.tolist()
        there = np.array([chains[payments[place].loan_id].posted for place in places], dtype=np.int64)
        count = np.diff(starts)
        good = good[(there[good] > 0) & (there[good] <= count[good])]
        # Of each loan's movements only the last that is stored and what comes after it are looked at.
        owner = np.repeat(np.arange(len(count)), count)
        fresh = moved[np.arange(len(owner)) - starts[owner] >= there[owner] - 1].tolist()
        bounds = np.concatenate([[0], np.cumsum(np.maximum(count - np.maximum(there - 1, 0), 0))]).tolist()
        after = out[:, (O_PRINCIPAL, O_OVERDUE, O_DPD, O_STATUS)].tolist()
        chosen = []
        for loan in good.tolist():
            place = places[loan]
            one, name = payments[place], event_ids[place]
            names = [row[0] for row in events.get(one.loan_id, ())]
            names.append(name)
            mine = fresh[bounds[loan] : bounds[loan + 1]]
            posts = _posts(one.loan_id, mine, names, chains[one.loan_id])
            if posts is None or spans[loan + 1] - spans[loan] != len(names):
                continue
            chosen.append(loan)
            taken.posts.append((one.loan_id, posts))
            _tell(taken, place, one, name, _paid(mine, len(names) - 1), after[loan], on)
        ids = pl.Series("loan_id", [payments[places[loan]].loan_id for loan in chosen], dtype=pl.String)
        lines.append(standing_table(ids, out[chosen], on).select(STATE))
    taken.states = tab_text(pl.concat(lines)) if lines else b""
    return taken


def event_id(loan_id: str, key: str) -> str:
    """``units.ids.derived_id("ev", loan_id, key)`` of plain texts, on the short way.

    >>> event_id("loan-1", "k") == __import__("jiehuan.units.ids").units.ids.derived_id("ev", "loan-1", "k")
    True
    """
    digest = sha256(f'["{loan_id}","{key}"]'.encode()).digest()[:16]
    return "ev_" + b32encode(b"\0\0\0\0" + digest).translate(_SIGNS)[6:].decode()


def _book(payments: Sequence[Payment], loans: Mapping[str, Loan]) -> pl.DataFrame:
    rows = [loans[one.loan_id][:9] for one in payments]
    names = Loan._fields[:9]
    kinds = {
        "principal_fen": pl.Int64,
        "rate_ppm": pl.Int64,
        "months": pl.Int64,
        "drawn_on": pl.Date,
        "first_due": pl.Date,
    }
    return pl.DataFrame(rows, schema=[(name, kinds.get(name, pl.String)) for name in names], orient="row")


def _events(
    payments: Sequence[Payment], ids: Sequence[str], events: Mapping[str, Sequence[tuple[Any, ...]]]
) -> pl.DataFrame:
    """All events of the loans, the payments last: loan_id, id, kind, on, known_on, amount_fen."""
    owners, names, days, fens = [], [], [], []
    for one, name in zip(payments, ids, strict=True):
        for row in events.get(one.loan_id, ()):
            owners.append(one.loan_id)
            names.append(row[0])
            days.append(row[2])
            fens.append(_fen(row[4]))
        owners.append(one.loan_id)
        names.append(name)
        days.append(one.on)
        fens.append(one.amount_fen)
    frame = pl.DataFrame({"loan_id": owners, "id": names, "on": days, "amount_fen": fens})
    return frame.with_columns(pl.lit("repayment").alias("kind"), pl.col("on").alias("known_on"))


def _fen(amount: str) -> int:
    """An amount as this system writes it in an event: yuan with two decimals."""
    return int(amount.replace(".", "", 1)) if amount[-3:-2] == "." else int(amount) * 100


def _good(out: Any, refused: Any, moved: Any, starts: Any) -> Any:
    """Which loans of a part post plain entries only."""
    limit = non_accrual_above_dpd()
    bad = ~np.isin(moved[:, M_KIND], list(_KINDS)) | (moved[:, M_DPD] > limit)
    owner = np.repeat(np.arange(len(refused)), np.diff(starts))
    cause = np.where(moved[:, M_EVENT] >= 0, moved[:, M_EVENT], moved[:, M_DAY] + 1_000_000)
    said = np.stack([owner, moved[:, M_KIND], cause])
    order = np.lexsort(said[::-1])
    twice = (np.diff(said[:, order], axis=1) == 0).all(axis=0)  # the ledger numbers movements of one name
    bad[order[1:]] |= twice
    good = (refused == 0) & (out[:, O_DPD] <= limit)
    good[owner[bad]] = False
    return good


def _posts(loan_id: str, moves: list[list[int]], names: Sequence[str], chain: Chain) -> list[Slim] | None:
    """The entries that a loan's journal lacks; None when what is stored last is not the first of ``moves``."""
    if _identity(loan_id, _movement(moves[0], names)) != chain.last:
        return None
    found = []
    for row in moves[1:]:
        kind, cause = row[M_KIND], row[M_EVENT]
        lines = _lines(kind, row)
        if not lines:
            return None
        movement, day = _movement(row, names), _iso(row[M_DAY])
        event = names[cause] if cause >= 0 else ""
        found.append(Slim(_identity(loan_id, movement), movement, event, _KINDS[kind], day, day, lines))
    return found


def _lines(kind: int, row: list[int]) -> list[tuple[str, int, int]]:
    """The lines of a plain movement, as ``ledger.post`` makes them on a loan that is all on balance; empty for any other."""
    cash, principal, interest, penalty, costs, credit = row[M_CASH : M_CREDIT + 1]
    if kind == K_INTEREST:
        return [("interest_receivable", interest, 0), ("interest_income", 0, interest)]
    if kind == K_PENALTY:
        return [("penalty_receivable", penalty, 0), ("penalty_income", 0, penalty)]
    if kind != K_REPAYMENT or cash < 0 or principal > 0 or interest > 0 or penalty > 0 or costs:
        return []
    lines = [("cash", cash, 0)] if cash else []
    if credit < 0:
        lines.append(("borrower_credit", -credit, 0))
    if principal:
        lines.append(("loan_principal", 0, -principal))
    if interest:
        lines.append(("interest_receivable", 0, -interest))
    if penalty:
        lines.append(("penalty_receivable", 0, -penalty))
    if credit > 0:
        lines.append(("borrower_credit", 0, credit))
    return lines


def _identity(loan_id: str, movement: str) -> str:
    """``ledger.entry_id(loan_id, movement, 0)``."""
    return "en_" + sha256(f"{loan_id}\x1f{movement}\x1f0".encode()).hexdigest()[:26]


def _movement(row: Sequence[int], names: Sequence[str]) -> str:
    """The id of a movement, as ``loan.replay`` makes it."""
    cause, kind = row[M_EVENT], row[M_KIND]
    if cause >= 0:
        return f"{_KINDS[kind]}:{names[cause]}"
    return "draw" if kind == K_DRAW else f"{_KINDS[kind]}:{_iso(row[M_DAY])}"


@cache
def _iso(day: int) -> str:
    return day_of(day).isoformat()


def _paid(moves: list[list[int]], place: int) -> dict[str, str]:
    """What the loan's event at ``place`` paid, part by part."""
    paid: dict[str, int] = {}
    for row in moves:
        if row[M_EVENT] == place and row[M_KIND] == K_REPAYMENT:
            for cell, part in _PARTS:
                if row[cell]:
                    paid[part] = paid.get(part, 0) + row[cell]
    return {part: _yuan(abs(fen)) for part, fen in paid.items() if fen}


def _tell(taken: Taken, place: int, one: Payment, name: str, paid: dict[str, str], after: list[int], on: date) -> None:
    amount, day, status = _yuan(one.amount_fen), on.isoformat(), STATUSES[after[3]]
    principal, overdue, dpd = _yuan(after[0]), _yuan(after[1]), after[2]
    taken.answers[place] = {
        "loan_id": one.loan_id, "event_id": name, "amount": amount, "paid": paid,
        "principal_outstanding": principal, "overdue": overdue, "dpd": dpd, "status": status,
    }  # fmt: skip
    source = f',"source":"{one.source}"' if one.source else ""
    parts = ",".join([f'"{part}":"{fen}"' for part, fen in paid.items()])
    taken.kept.events.append(
        f'{one.loan_id}\t{name}\trepayment\t{day}\t{day}\t{{"id":"{name}","on":"{day}","kind":"repayment","amount":"{amount}"{source}}}'
        f"\t{one.key}\n"
    )
    taken.kept.messages.append(
        f'loan.repaid\t{one.loan_id}\t{{"loan_id":"{one.loan_id}","event_id":"{name}","amount":"{amount}","paid":{{{parts}}},'
        f'"principal_outstanding":"{principal}","overdue":"{overdue}","dpd":{dpd},"status":"{status}"}}\n'
    )
    taken.kept.deeds.append(f'{day} 12:00:00+08\tborrower\trepaid\t{one.loan_id}\t{{"amount":"{amount}"}}\n')


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
