"""Whose money is it: by a loan's id in the references, by the loan's virtual account, by the payer and the amount.

Account numbers are personal data: a handle is kept as a blind index only. What fits no loan, or more than one, is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select

from jiehuan.flow.servicing import load_loans
from jiehuan.store import tables
from jiehuan.store.rows import upsert
from jiehuan.store.vault import Vault
from jiehuan.units.errors import InputError, Problem, Refused

KINDS = ("virtual_account", "payer")
_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{1,199}")
_MOST_TOKENS = 100
_ENDED = ("settled", "sold")


@dataclass(frozen=True, slots=True)
class Hints:
    """What a payment says of its loan. ``loan_id`` is trusted as named (a gateway's order); ``texts`` are searched."""

    texts: tuple[str, ...] = ()
    virtual_account: str = ""
    payer: str = ""

    @property
    def accounts(self) -> tuple[tuple[str, str], ...]:
        """The accounts it names, by kind, the surest first."""
        return (("virtual_account", self.virtual_account), ("payer", self.payer))


def find_loan(connection: Connection, vault: Vault, hints: Hints, amount_fen: int, on: date) -> tuple[str | None, str]:
    """The one loan that a payment is for, or None and why. Says nothing about whether the loan takes the money."""
    named = _named(connection, hints.texts)
    if len(named) == 1:
        return named[0], ""
    if named:
        return None, f"its references name {len(named)} loans"
    for kind, value in hints.accounts:
        if not value:
            continue
        handle = connection.execute(
            select(tables.payment_handle.c.loan_id, tables.payment_handle.c.borrower_id).where(
                tables.payment_handle.c.handle_index == _index(vault, kind, value)
            )
        ).one_or_none()
        if handle is not None and handle.loan_id:
            return handle.loan_id, ""
        if handle is not None:
            return _of_borrower(connection, handle.borrower_id, amount_fen, on)
    return None, "no loan's id, virtual account or known payer in it"


def find_loans(connection: Connection, vault: Vault, hints: Sequence[Hints]) -> tuple[list[str | None], set[str]]:
    """The loan of each payment that its references or a loan's own account name, as ``find_loan`` finds it, in a few statements for
    all; None for every other. Beside them, the loans that some of those others may be for: all loans of payers who are known.
    """
    tokens = [_tokens(one.texts) for one in hints]
    every = list({token for some in tokens for token in some})
    named: dict[str, set[str]] = {}
    if every:
        loan = tables.loan.c
        for name in (loan.loan_id, loan.application_id):
            for said, loan_id in connection.execute(select(name, loan.loan_id).where(name.in_(every))):
                named.setdefault(said, set()).add(loan_id)
    indexes = [[_index(vault, kind, said) for kind, said in one.accounts if said] for one in hints]
    owners: dict[bytes, tuple[str | None, str | None]] = {}
    wanted = list({index for some in indexes for index in some})
    if wanted:
        handle = tables.payment_handle.c
        asked = select(handle.handle_index, handle.loan_id, handle.borrower_id).where(handle.handle_index.in_(wanted))
        owners = {bytes(index): (loan_id, borrower_id) for index, loan_id, borrower_id in connection.execute(asked)}
    found: list[str | None] = []
    shared: set[str] = set()
    payers: set[str] = set()
    for some, accounts in zip(tokens, indexes, strict=True):
        loans = set().union(*(named.get(token, set()) for token in some))
        known = [owners[index] for index in accounts if index in owners]
        if len(loans) == 1:
            found.append(loans.pop())
        elif not loans and known and known[0][0]:
            found.append(known[0][0])
        else:
            found.append(None)
            shared |= loans
            payers |= {borrower_id for _, borrower_id in known if borrower_id}
    if payers:
        shared.update(
            connection.execute(select(tables.loan.c.loan_id).where(tables.loan.c.borrower_id.in_(payers))).scalars()
        )
    return found, shared


def keep_handle(
    connection: Connection,
    vault: Vault,
    kind: str,
    value: str,
    *,
    loan_id: str | None = None,
    borrower_id: str | None = None,
) -> None:
    """Say that a virtual account, or a payer's account, is a loan's or a borrower's. Raises InputError for another kind, Refused for
    an owner who is not there."""
    if kind not in KINDS or (loan_id is None) == (borrower_id is None) or not value.strip():
        raise InputError(
            Problem("handle", kind, "needs a kind, a number and one owner", f"kinds are {', '.join(KINDS)}")
        )
    owner, column = (loan_id, tables.loan.c.loan_id) if loan_id else (borrower_id, tables.borrower.c.borrower_id)
    if connection.execute(select(column).where(column == owner)).one_or_none() is None:
        raise Refused(Problem(column.name, str(owner), "is not in the books", "look at the list in the console"))
    row = {"handle_index": _index(vault, kind, value), "kind": kind, "loan_id": loan_id, "borrower_id": borrower_id}
    upsert(connection, tables.payment_handle, [row])


def _index(vault: Vault, kind: str, value: str) -> bytes:
    return vault.blind_index(f"{kind}:{value}")


def _tokens(texts: tuple[str, ...]) -> list[str]:
    tokens = list(dict.fromkeys(token for text in texts for token in _TOKEN.findall(text)))[:_MOST_TOKENS]
    return tokens + [token.rstrip(".:-") for token in tokens if token[-1] in ".:-"]


def _named(connection: Connection, texts: tuple[str, ...]) -> list[str]:
    tokens = _tokens(texts)
    if not tokens:
        return []
    loan = tables.loan.c
    found = select(loan.loan_id).where(or_(loan.loan_id.in_(tokens), loan.application_id.in_(tokens)))
    return list(connection.execute(found).scalars())


def _of_borrower(connection: Connection, borrower_id: str, amount_fen: int, on: date) -> tuple[str | None, str]:
    """The borrower's one open loan, or the one of several that asks for exactly this amount."""
    ids = list(
        connection.execute(
            select(tables.loan.c.loan_id)
            .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
            .where(tables.loan.c.borrower_id == borrower_id, tables.loan_state.c.status.not_in(_ENDED))
            .where(tables.loan.c.drawn_on <= on)
        ).scalars()
    )
    if len(ids) == 1:
        return ids[0], ""
    if not ids:
        return None, "the payer has no open loan"
    fits = []
    for held in load_loans(connection, ids):
        state = held.state(max([on, *(event.known_on for event in held.events)]))
        rest = [
            row.principal_fen + row.interest_fen - row.paid_principal_fen - row.paid_interest_fen - row.waived_principal_fen
            - row.waived_interest_fen
            for row in state.schedule if row.status in {"scheduled", "due", "overdue"}
        ]  # fmt: skip
        asked = {state.payoff_fen, state.overdue_fen + state.penalty_due_fen + state.costs_due_fen, *rest[:1]}
        if amount_fen in asked:
            fits.append(held.loan_id)
    if len(fits) == 1:
        return fits[0], ""
    return (
        None,
        f"the payer has {len(ids)} open loans, and the amount tells {'none' if not fits else 'more than one'} of them",
    )
