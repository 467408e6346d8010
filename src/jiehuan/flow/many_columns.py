"""Repayments of one day on plain loans, one a loan, by columns: the fold, the entries that are new, and the texts of all rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
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
from jiehuan.store.bulk import ADDED, slim_ids
from jiehuan.store.many import Events, Kept, Loan, Standing

if TYPE_CHECKING:
    from jiehuan.flow.repay import Payment

_KINDS = {K_DRAW: "draw", K_INTEREST: "interest", K_PENALTY: "penalty", K_REPAYMENT: "repayment"}
_SIGNS = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", dtype=np.uint8)
_LOOKED_AT = 8
"""Movements of a loan, from its last, among which the last that is stored is looked for."""


@dataclass(slots=True)
class Taken:
    """What fits the fast way: answers by the payment's place, and all that is to be written."""

    answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)


def plain_ones(
    payments: Sequence[Payment], loans: Mapping[str, Loan], held: Mapping[str, Standing], events: Events, on: date
) -> Taken:
    """Fold the loans with their payments; those whose books need more than plain entries are left out.

    Left out are loans that the fold refuses, that stop accruing, that have movements of other kinds, and whose last stored movement
    is not among the last that the fold comes to. ``events``: those of these loans at least, repayments known on their day.
    """
    table = _payments(payments, loans, held)
    told = _events(table, events, on)
    [*parts], _ = read_book(table.select(Loan._fields[:9]), told, on, on)
    law = np.array(law_cells(on, law_on), dtype=np.int64)
    taken = Taken()
    for part in parts:
        if (part.event_rows < 0).any():
            continue  # loans that need the reader of single documents: their events are not those of the table
        out, refused, moved, starts = fold_part_moves(part, day_number(on), law)
        mine = table[part.rows]
        moves = _moves(mine, part.spans, told["id"].gather(part.event_rows), moved, starts)
        good = _good(out, refused, moved, starts) & _plain(moves, len(mine))
        fresh = moves.filter(pl.col("fresh") & pl.Series(good).gather(moves["owner"]))
        acts = mine.with_columns(
            *_paid(fresh.filter(pl.col("event_id") == pl.col("own_id"), kind=K_REPAYMENT), len(mine)),
            pl.Series("principal", out[:, O_PRINCIPAL]),
            pl.Series("overdue", out[:, O_OVERDUE]),
            pl.Series("dpd", out[:, O_DPD]),
            pl.Series("status", [STATUSES[code] for code in out[:, O_STATUS].tolist()], pl.String),
        ).filter(pl.Series(good))
        acts = acts.with_columns(
            _yuan("amount_fen").alias("amount"),
            _yuan("principal").alias("principal_outstanding"),
            _yuan("overdue").alias("overdue"),
        )
        taken.answers.update(_answers(acts))
        states = standing_table(acts["loan_id"], out[good], on).select(acts["row_at"], *STATE)
        taken.kept.append(Kept(*_texts(acts, on), _entries(fresh), tab_text(states)))
    return taken


def event_ids(payments: Sequence[Payment]) -> list[str]:
    """``units.ids.derived_id("ev", loan_id, key)`` of plain texts, all at once.

    >>> from jiehuan.flow.repay import Payment
    >>> from jiehuan.units.ids import derived_id
    >>> event_ids([Payment("loan-1", 1, date(2026, 1, 1), "k")]) == [derived_id("ev", "loan-1", "k")]
    True
    """
    digests = b"".join([sha256(f'["{one.loan_id}","{one.key}"]'.encode()).digest()[:16] for one in payments])
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16), axis=1)
    fives = np.pad(bits, ((0, 0), (2, 0))).reshape(-1, 26, 5)  # 130 bits, the first two of them none
    signs = _SIGNS[fives @ np.array([16, 8, 4, 2, 1], dtype=np.uint8)].tobytes().decode()
    return [f"ev_{signs[at : at + 26]}" for at in range(0, len(signs), 26)]


def _payments(payments: Sequence[Payment], loans: Mapping[str, Loan], held: Mapping[str, Standing]) -> pl.DataFrame:
    """A row a payment: its loan's columns, its event's id, and what it says."""
    kinds = {
        "principal_fen": pl.Int64,
        "rate_ppm": pl.Int64,
        "months": pl.Int64,
        "drawn_on": pl.Date,
        "first_due": pl.Date,
    }
    columns = zip(*[loans[one.loan_id] for one in payments], strict=True)
    book = {
        name: pl.Series(name, column, kinds.get(name, pl.String))
        for name, column in zip(Loan._fields, columns, strict=True)
        if name in {*Loan._fields[:9], "last"}
    }
    return pl.DataFrame(book).with_columns(
        pl.int_range(pl.len()).alias("place"),
        pl.Series("row_at", [held[one.loan_id].place for one in payments], pl.String),
        pl.Series("event_id", event_ids(payments), pl.String),
        pl.Series("key", [one.key for one in payments], pl.String),
        pl.Series("source", [one.source for one in payments], pl.String),
        pl.Series("amount_fen", [one.amount_fen for one in payments], pl.Int64),
    )


def _events(table: pl.DataFrame, events: Events, on: date) -> pl.DataFrame:
    """All events of the loans, the payments last: loan_id, id, on, amount_fen, kind, known_on."""
    names = {"loan_id": events.loan_ids, "id": events.ids, "on": events.effective, "amount": events.amounts}
    before = pl.DataFrame(names, schema={"loan_id": pl.String, "id": pl.String, "on": pl.Date, "amount": pl.String})
    amount = pl.when(pl.col("amount").str.contains(r"^[0-9]+(\.[0-9]{1,2})?$")).then(
        "amount"
    )  # any other is left to the fold's reader
    yuan, fen = (amount.str.split_exact(".", 1).struct.field(f"field_{n}") for n in (0, 1))
    fens = yuan.cast(pl.Int64) * 100 + fen.str.pad_end(2, "0").cast(pl.Int64).fill_null(0)
    frame = pl.concat([
        before.select("loan_id", "id", "on", fens.alias("amount_fen")),
        table.select("loan_id", pl.col("event_id").alias("id"), pl.lit(on).alias("on"), "amount_fen"),
    ])  # fmt: skip
    return frame.with_columns(pl.lit("repayment").alias("kind"), pl.col("on").alias("known_on"))


def _good(out: Any, refused: Any, moved: Any, starts: Any) -> Any:
    """Which loans of a part post plain entries only."""
    limit = non_accrual_above_dpd()
    kind, owner = moved[:, M_KIND], np.repeat(np.arange(len(refused)), np.diff(starts))
    bad = ~np.isin(kind, list(_KINDS)) | (moved[:, M_DPD] > limit)
    # The ledger numbers movements of one name: what the same event or day causes twice.
    cause = np.where(moved[:, M_EVENT] >= 0, moved[:, M_EVENT], moved[:, M_DAY] + 1_000_000)
    said = np.sort((owner * 4_000_000 + cause) * 32 + kind)
    good = (refused == 0) & (out[:, O_DPD] <= limit)
    good[owner[bad]] = False
    good[said[1:][said[1:] == said[:-1]] // 32 // 4_000_000] = False
    return good


def _moves(mine: pl.DataFrame, spans: Any, names: pl.Series, moved: Any, starts: Any) -> pl.DataFrame:
    """The last movements of each loan, with their names and the texts of their days; ``fresh``: its journal lacks it."""
    first = np.maximum(starts[:-1], starts[1:] - _LOOKED_AT)
    kept = np.flatnonzero(np.arange(len(moved)) >= np.repeat(first, np.diff(starts)))
    owner = np.repeat(np.arange(len(first)), starts[1:] - first)
    cells = moved[kept]
    days, place = np.unique(cells[:, M_DAY], return_inverse=True)
    caused = cells[:, M_EVENT] >= 0
    events = names.gather(np.where(caused, spans[:-1][owner] + cells[:, M_EVENT], 0))
    frame = pl.DataFrame({
        "owner": owner, "at": kept, "kind": cells[:, M_KIND],
        "day": pl.Series([day_of(day).isoformat() for day in days.tolist()], dtype=pl.String).gather(place),
        "event_id": events, "caused": caused, "own_id": mine["event_id"].gather(owner),
        "loan_id": mine["loan_id"].gather(owner), "last": mine["last"].gather(owner),
        **{name: cells[:, cell] for name, cell in _AMOUNTS.items()},
    })  # fmt: skip
    frame = frame.with_columns(
        pl.col("kind").replace_strict(_KINDS, default="", return_dtype=pl.String).alias("word"),
        pl.when("caused").then("event_id").otherwise(pl.lit("")).alias("event_id"),
    )
    cause = pl.when("caused").then("event_id").otherwise("day")
    frame = frame.with_columns(
        pl.when(kind=K_DRAW).then(pl.lit("draw")).otherwise(pl.format("{}:{}", "word", cause)).alias("movement_id")
    )
    stored = np.full(len(first), np.iinfo(np.int64).max)
    same = (frame["movement_id"] == frame["last"]).fill_null(value=False).to_numpy()
    stored[owner[same]] = kept[same]
    return frame.with_columns(pl.Series("fresh", kept > stored[owner]))


def _plain(moves: pl.DataFrame, count: int) -> Any:
    """Which of ``count`` loans' journals lack something, and nothing but plain movements."""
    fresh = moves.filter("fresh")
    bare = pl.sum_horizontal(pl.col(*_AMOUNTS).abs()) == pl.col("interest").abs() + pl.col("penalty").abs()
    charged = pl.col("kind").is_in([K_INTEREST, K_PENALTY]) & bare
    paid = (pl.col("kind") == K_REPAYMENT) & (pl.col("cash") >= 0) & (pl.col("costs") == 0)
    paid &= pl.max_horizontal("principal", "interest", "penalty") <= 0
    plain = fresh.select(charged | paid).to_series().to_numpy()
    owners = fresh["owner"].to_numpy()
    found = np.zeros(count, dtype=bool)
    found[owners] = True
    found[owners[~plain]] = False
    return found


def _entries(moves: pl.DataFrame) -> pl.DataFrame:
    """The entries of plain movements, as ``ledger.post`` makes them on a loan that is all on balance: a table of ``ADDED``."""
    said, accounts, amounts = [], [], []
    fens = moves.select(*[fen.alias(f"fen_{n}") for n, (_, fen) in enumerate(_LINES)])
    used = fens.select((pl.all() != 0).any()).row(0)
    moves = moves.hstack(fens)
    for n, (account, _) in enumerate(_LINES):
        if used[n]:
            fen = pl.col(f"fen_{n}")
            said.append(
                _shown(fen != 0, pl.format(f',["{account}",{{}},{{}}]', fen.clip(0, None), (-fen).clip(0, None)))
            )
            accounts.append(_shown(fen != 0, pl.lit(f",{account}")))
            amounts.append(_shown(fen != 0, pl.format(",{}", fen)))
    if not said:  # nothing moves anything
        return pl.DataFrame(schema=dict.fromkeys(ADDED, pl.String))
    told = moves.select(
        "loan_id",
        "movement_id",
        "event_id",
        pl.col("word").alias("kind"),
        pl.col("day").alias("effective"),
        pl.col("day").alias("known"),
        pl.concat_str(said).str.slice(1).alias("said"),
        pl.format("{{{}}}", pl.concat_str(accounts).str.slice(1)).alias("accounts"),
        pl.format("{{{}}}", pl.concat_str(amounts).str.slice(1)).alias("amounts"),
    ).filter(pl.col("said") != "")  # what moves nothing makes no entry
    return told.with_columns(pl.Series("entry_id", slim_ids(told), pl.String)).select(ADDED)


def _shown(there: pl.Expr, text: pl.Expr) -> pl.Expr:
    return pl.when(there).then(text).otherwise(pl.lit(""))


def _paid(moves: pl.DataFrame, count: int) -> list[pl.Series]:
    """What the payment of each of ``count`` loans paid, part by part, in yuan; null where nothing."""
    found = []
    for part in _PARTS:
        fen = np.zeros(count, dtype=np.int64)
        fen[moves["owner"].to_numpy()] = moves[part].to_numpy()
        paid = pl.DataFrame({"fen": np.abs(fen)}).select(pl.when(pl.col("fen") != 0).then(_yuan("fen")))
        found.append(paid.to_series().alias(f"paid_{part}"))
    return found


def _answers(acts: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """Answers as ``repay`` gives them, by the payment's place."""
    paid: list[dict[str, str]] = [{} for _ in range(len(acts))]
    for part in _PARTS:
        yuan = acts[f"paid_{part}"]
        there = yuan.is_not_null().arg_true().to_list()
        for n, said in zip(there, yuan.drop_nulls().to_list(), strict=True):
            paid[n][part] = said
    names = "place", "loan_id", "event_id", "amount", "principal_outstanding", "overdue", "dpd", "status"
    told = zip(*[acts[name].to_list() for name in names], paid, strict=True)
    return {
        place: {
            "loan_id": loan_id, "event_id": event_id, "amount": amount, "paid": parts,
            "principal_outstanding": principal, "overdue": overdue, "dpd": dpd, "status": status,
        }
        for place, loan_id, event_id, amount, principal, overdue, dpd, status, parts in told
    }  # fmt: skip


def _texts(acts: pl.DataFrame, on: date) -> tuple[bytes, bytes, bytes]:
    """Rows of the events, of the messages and of the deeds, as COPY reads them."""
    day = pl.lit(on.isoformat())
    source = _shown(pl.col("source") != "", pl.format(',"source":"{}"', "source"))
    body = pl.format('{{"id":"{}","on":"{}","kind":"repayment","amount":"{}"{}}}', "event_id", day, "amount", source)
    parts = [pl.format(f',"{part}":"{{}}"', f"paid_{part}") for part in _PARTS]
    paid = pl.concat_str([one.fill_null("") for one in parts]).str.slice(1)
    payload = pl.format(
        '{{"loan_id":"{}","event_id":"{}","amount":"{}","paid":{{{}}},"principal_outstanding":"{}","overdue":"{}","dpd":{},"status":"{}"}}',
        "loan_id", "event_id", "amount", paid, "principal_outstanding", "overdue", "dpd", "status",
    )  # fmt: skip
    rows = acts.select(
        pl.format("{}\t{}\trepayment\t{}\t{}\t{}\t{}\n", "loan_id", "event_id", day, day, body, "key").alias("events"),
        pl.format("loan.repaid\t{}\t{}\n", "loan_id", payload).alias("messages"),
        pl.format('{} 12:00:00+08\tborrower\trepaid\t{}\t{{"amount":"{}"}}\n', day, "loan_id", "amount").alias("deeds"),
    )
    events, messages, deeds = (column.str.join("").item().encode() for column in rows.iter_columns())
    return events, messages, deeds


def _yuan(fen: str) -> pl.Expr:
    """Amounts of zero or more as ``format_yuan`` writes them."""
    return pl.format("{}.{}", pl.col(fen) // 100, (pl.col(fen) % 100).cast(pl.String).str.zfill(2))


_PARTS = ("principal", "interest", "penalty", "costs", "credit")
_AMOUNTS = {
    "cash": M_CASH, "principal": M_PRINCIPAL, "interest": M_INTEREST, "penalty": M_PENALTY, "costs": M_COSTS, "credit": M_CREDIT,
}  # fmt: skip


def _when(kind: int, fen: pl.Expr) -> pl.Expr:
    return pl.when(kind=kind).then(fen).otherwise(0)


_LINES = (
    ("cash", pl.col("cash")),
    ("borrower_credit", (-pl.col("credit")).clip(0, None)),
    ("loan_principal", pl.col("principal")),
    ("interest_receivable", pl.col("interest")),
    ("interest_income", _when(K_INTEREST, -pl.col("interest"))),
    ("penalty_receivable", pl.col("penalty")),
    ("penalty_income", _when(K_PENALTY, -pl.col("penalty"))),
    ("borrower_credit", (-pl.col("credit")).clip(None, 0)),
)
"""Accounts and amounts (fen, debit above zero) of a plain movement, in the ledger's order."""
