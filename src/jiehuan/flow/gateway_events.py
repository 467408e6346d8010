"""A payment gateway tells of a payment: a signed message, taken once, booked or held, never lost.

The signature is HMAC-SHA256 over ``TIMESTAMP.BODY`` with a secret that the gateway and the lender share (as Stripe and
others do it). Secrets lie in files outside the database, one a gateway: ``HOME/gateways/NAME.key``, or the folder that
JIEHUAN_GATEWAY_SECRETS names; several lines are several valid secrets, so that one can be changed without a gap.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text

from jiehuan.flow.receipts import Money, receive, receive_many, untold
from jiehuan.flow.statements.bring import shown
from jiehuan.flow.statements.match import Hints, find_loan, find_loans
from jiehuan.store.rows import copy_rows
from jiehuan.store.tables import gateway_event
from jiehuan.store.vault import Vault
from jiehuan.units.errors import Conflict, InputError, Problem
from jiehuan.units.ids import canonical_json, derived_id

TOLERANCE_SECONDS = 300
"""How old or how far ahead a message's timestamp may be."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}\Z")
_SIGNATURE = re.compile(r"(?:sha256=|v1=)?([0-9a-f]{64})\Z")
_FEWEST_BYTES = 24


@dataclass(frozen=True, slots=True)
class Payment:
    """What a gateway says. ``reference``: the payment's end-to-end reference, which the bank's statement has too."""

    event_id: str
    amount_fen: int
    paid_on: date
    reference: str | None = None
    loan_id: str = ""
    virtual_account: str = ""
    payer: str = ""


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What a message must carry.

    >>> signature(b"secret", "1700000000", b"{}")[:16]
    'b8569b78799ff9e3'
    """
    return hmac.new(secret, timestamp.encode() + b"." + body, sha256).hexdigest()


def is_signed(known: list[bytes], timestamp: str, body: bytes, said: str, now: float) -> bool:
    """Whether a message is from one who has a secret, and is of now. Takes the same time whichever secret fits."""
    fresh = (
        timestamp.isascii()
        and timestamp.isdigit()
        and len(timestamp) < 13
        and abs(int(timestamp) - now) <= TOLERANCE_SECONDS
    )
    given = _SIGNATURE.match(said.strip())
    found = given[1] if given else "0" * 64
    good = False
    for secret in known or [b"no such gateway"]:
        good |= hmac.compare_digest(signature(secret, timestamp, body), found)
    return good and fresh and bool(known) and given is not None


def secrets_of(home: Path, name: str) -> list[bytes]:
    """The secrets of a gateway; empty when there is no such gateway."""
    if not _NAME.match(name):
        return []
    try:
        lines = (_folder(home) / f"{name}.key").read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip().encode() for line in lines if len(line.strip()) >= _FEWEST_BYTES]


def add_gateway(home: Path, name: str) -> tuple[Path, str]:
    """Make a gateway known, or give it another secret beside those it has; its file, and the secret to hand over."""
    if not _NAME.match(name):
        mend = "use small letters, digits, - and _, up to 40"
        raise InputError(Problem("gateway", name[:80], "not a gateway's name", mend))
    folder = _folder(home)
    secret = secrets.token_urlsafe(32)
    path = folder / f"{name}.key"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept = path.read_text(encoding="ascii").splitlines() if path.exists() else []
        fresh = path.with_suffix(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write("\n".join([secret, *kept]) + "\n")
        fresh.replace(path)
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be written: {error.strerror}", "check the folder")) from None
    return path, secret


def take_payment(
    connection: Connection, vault: Vault, gateway: str, payment: Payment, known_on: date
) -> dict[str, Any]:
    """Take one told payment in the caller's transaction: ``{receipt_id, outcome, reason, repeated}``.

    The same event again gets the same answer; the same event id with other content is a Conflict.
    """
    event_id = shown(payment.event_id)
    name = f"{gateway}\x1f{event_id}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 4))"), {"name": name})
    content = _content(vault, payment)
    kept = connection.execute(
        select(gateway_event.c.content_hash, gateway_event.c.answer).where(
            gateway_event.c.gateway == gateway, gateway_event.c.event_id == event_id
        )
    ).one_or_none()
    if kept is not None:
        if not hmac.compare_digest(bytes(kept.content_hash), content):
            reason = "came before with other content"
            raise Conflict(Problem("event_id", event_id, reason, "send a new event under a new id"))
        return {**kept.answer, "repeated": True}
    loan_id, reason = find_loan(connection, vault, _hints(payment), payment.amount_fen, payment.paid_on)
    money = _money(gateway, payment, known_on)
    got = receive(connection, money, loan_id, reason)
    answer = {"receipt_id": got.receipt_id, "outcome": got.outcome, "reason": got.reason}
    row = {
        "gateway": gateway, "event_id": event_id, "content_hash": content, "receipt_id": got.receipt_id, "answer": answer,
    }  # fmt: skip
    connection.execute(insert(gateway_event).values(row))
    return {**answer, "repeated": False}


def take_payments(
    connection: Connection, vault: Vault, gateway: str, payments: Sequence[Payment], known_on: date
) -> list[dict[str, Any]]:
    """Take a gateway's list of payments (a thousand at most) in the caller's transaction: what ``take_payment`` answers for each, in
    their order, or ``{receipt_id: None, outcome: "refused", reason, repeated: False}`` where it would raise Conflict.

    Payments that are told for the first time and name their loan are booked in bulk; every other goes the way of one.
    """
    names = sorted({f"{gateway}\x1f{shown(one.event_id)}" for one in payments})
    connection.execute(_HOLD_ALL, {"names": names})
    loans, shared = find_loans(connection, vault, [_hints(one) for one in payments])
    money = [_money(gateway, one, known_on) for one in payments]
    fresh = untold(connection, money)
    times = Counter(one.event_id for one in payments)
    ok = [a and times[one.event_id] == 1 and one.amount_fen > 0 for a, one in zip(fresh, payments, strict=True)]
    one_by_one = shared | {loan for loan, good in zip(loans, ok, strict=True) if loan and not good}
    mine = [n for n, loan in enumerate(loans) if ok[n] and loan is not None and loan not in one_by_one]
    received = receive_many(connection, [(money[n], str(loans[n])) for n in mine]) if mine else []
    answers: dict[int, dict[str, Any]] = {}
    rows = []
    for n, got in zip(mine, received, strict=True):
        answers[n] = {"receipt_id": got.receipt_id, "outcome": got.outcome, "reason": got.reason}
        rows.append({
            "gateway": gateway, "event_id": shown(payments[n].event_id), "content_hash": _content(vault, payments[n]),
            "receipt_id": got.receipt_id, "answer": answers[n],
        })  # fmt: skip
    copy_rows(connection, gateway_event, rows)
    told = []
    for n, one in enumerate(payments):
        if n in answers:
            told.append({**answers[n], "repeated": False})
            continue
        try:
            with connection.begin_nested():
                told.append(take_payment(connection, vault, gateway, one, known_on))
        except Conflict as error:
            reason = "; ".join(problem.reason for problem in error.problems)
            told.append({"receipt_id": None, "outcome": "refused", "reason": reason, "repeated": False})
    return told


_HOLD_ALL = text(
    "SELECT count(pg_advisory_xact_lock(hashtextextended(name, 4))) FROM (SELECT unnest(CAST(:names AS text[])) AS name) AS one"
)


def _hints(one: Payment) -> Hints:
    return Hints(tuple(each for each in (one.loan_id, one.reference or "") if each), one.virtual_account, one.payer)


def _money(gateway: str, one: Payment, known_on: date) -> Money:
    return Money(
        derived_id("rc", "gateway", gateway, shown(one.event_id)),
        f"gateway:{gateway}",
        shown(one.reference) if one.reference else None,
        one.amount_fen,
        one.paid_on,
        max(known_on, one.paid_on),
    )


def _content(vault: Vault, one: Payment) -> bytes:
    """The blind index of all that a payment says: the same event must say the same again."""
    said = [getattr(one, field) for field in Payment.__dataclass_fields__]
    return vault.blind_index(canonical_json(said).hex())


def _folder(home: Path) -> Path:
    return Path(os.environ.get("JIEHUAN_GATEWAY_SECRETS") or home / "gateways")
