"""Paid answers about a person, remembered: each question is paid once within its days, and nobody is asked about unasked.

An answer is sealed by the vault and kept under the person's blind index, the source and the purpose, until it expires. Consent
is required each time, for a remembered answer too. Two that ask the same at once pay once: the second waits. What each call
came to, and cost, is a line of ``source_call``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from jiehuan.flow.activity import note
from jiehuan.flow.ask import Answer, ask
from jiehuan.flow.person import NOT_GIVEN, identity_of
from jiehuan.law import Law, law_on
from jiehuan.profile.http_source import HttpSource, Question, read_source, request_of
from jiehuan.store import tables
from jiehuan.store.rows import upsert
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem, Refused


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the sources said about an applicant: answers by source, and why others gave none."""

    answers: Mapping[str, Answer]
    problems: tuple[Problem, ...]

    @property
    def cost_fen(self) -> int:
        """What the answers cost together; remembered ones cost nothing."""
        return sum(answer.cost_fen for answer in self.answers.values())


def ask_kept(
    connection: Connection,
    vault: Vault,
    source: HttpSource,
    person: str,
    subject: Mapping[str, Any],
    at: datetime,
    borrower_id: str | None = None,
) -> Answer:
    """The source's answer about a person (``person``: what tells them apart, such as the identity number).

    From memory where the same question was answered within the source's days; else by a call, which costs. Raises Refused
    without consent, InputError without answer.
    """
    question = request_of(source, subject, at)
    index, asked = vault.blind_index(f"person {person}"), _digest(vault, question)
    key = {"person_index": index, "source": source.name, "purpose": source.consent, "question": asked}
    lock = int.from_bytes(sha256(index + source.name.encode()).digest()[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})
    answer = tables.source_answer.c
    kept = connection.execute(
        select(answer.sealed, answer.asked_at).where(
            *(answer[name] == value for name, value in key.items()), answer.expires_at > at
        )
    ).one_or_none()
    if kept is not None:
        fields = json.loads(vault.open(bytes(kept.sealed), _context(index, source)))
        _count(connection, source, borrower_id, at, "remembered", 0, 0)
        return Answer(fields, kept.asked_at, 0, 0, cached=True)
    told = ask(source, subject, at, {})
    if source.cache_days:
        sealed = vault.seal(json.dumps(dict(told.fields), ensure_ascii=False), _context(index, source))
        until = at + timedelta(days=source.cache_days)
        row = {**key, "sealed": sealed, "asked_at": at, "expires_at": until, "cost_fen": told.cost_fen}
        upsert(connection, tables.source_answer, [row])
    _count(connection, source, borrower_id, at, "answered", told.cost_fen, told.milliseconds)
    return told


def gather(
    connection: Connection, vault: Vault, application_id: str, sources: Sequence[HttpSource], at: datetime, actor: str
) -> Gathered:
    """Ask the sources about an applicant and keep what they say with the application, for the decision to come.

    Consents are the application's ``features.consents``. A source without consent or without answer is told and left out;
    the others count. Raises Refused for an application that is decided for good.
    """
    row = connection.execute(
        select(tables.application).where(tables.application.c.application_id == application_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise Refused(Problem("application_id", application_id, "no such application", "check the id"))
    if row.status not in {"new", "review", "refused"}:
        raise Refused(Problem("application", application_id, f"is {row.status}", "its decision stands"))
    person = identity_of(connection, vault, row.borrower_id)
    known = person["id_number"] if person["id_number"] != NOT_GIVEN else row.borrower_id
    subject = {
        **row.features, "id_number": person["id_number"], "name": person["name"], "phone": person["phone"],
        "borrower_id": row.borrower_id, "person_hash": vault.blind_index(known).hex(),
    }  # fmt: skip
    answers: dict[str, Answer] = {}
    problems: list[Problem] = []
    for source in sources:
        try:
            answers[source.name] = ask_kept(connection, vault, source, known, subject, at, row.borrower_id)
        except (Refused, InputError) as error:
            problems.extend(error.problems)
            outcome = "refused" if isinstance(error, Refused) else "failed"
            _count(connection, source, row.borrower_id, at, outcome, 0, 0)
    found = {name: dict(answer.fields) for name, answer in answers.items()}
    if found:
        connection.execute(
            update(tables.application)
            .where(tables.application.c.application_id == application_id)
            .values(features={**row.features, **found})
        )
    gathered = Gathered(answers, tuple(problems))
    told = {"answered": sorted(answers), "cost_fen": gathered.cost_fen, "without": len(problems)}
    note(connection, at, actor, "gathered", application_id, told)
    return gathered


def sources_of(connection: Connection, law: Law) -> tuple[HttpSource, ...]:
    """The lender's declared sources (setting ``sources``). Raises Refused, with the article, for data that are forbidden."""
    kept = connection.execute(
        select(tables.setting.c.value).where(tables.setting.c.key == "sources")
    ).scalar_one_or_none()
    return tuple(read_source(raw, law, f"source {n}") for n, raw in enumerate(kept or (), start=1))


def keep_sources(connection: Connection, raw: Sequence[Mapping[str, Any]], at: datetime, lender_type: str) -> None:
    """Declare the lender's sources. Raises as ``sources_of``; what is wrong is not kept."""
    law = law_on(at.astimezone(CHINA).date(), lender_type)
    for number, one in enumerate(raw, start=1):
        read_source(one, law, f"source {number}")
    upsert(connection, tables.setting, [{"key": "sources", "value": [dict(one) for one in raw]}])


def forget_expired(connection: Connection, at: datetime) -> int:
    """Delete answers whose days are over; how many."""
    gone = connection.execute(
        delete(tables.source_answer)
        .where(tables.source_answer.c.expires_at <= at)
        .returning(tables.source_answer.c.source)
    )
    return len(gone.all())


def _digest(vault: Vault, question: Question) -> bytes:
    """A keyed digest of what is sent, so that the question itself is not kept."""
    plain = f"{question.method}|{question.url}|".encode() + (question.body or b"")
    return vault.blind_index(sha256(plain).hexdigest())


def _context(index: bytes, source: HttpSource) -> str:
    return f"{source.name}|{source.consent}|{index.hex()}"


def _count(
    connection: Connection,
    source: HttpSource,
    borrower_id: str | None,
    at: datetime,
    outcome: str,
    cost_fen: int,
    milliseconds: int,
) -> None:
    connection.execute(
        insert(tables.source_call).values(
            source=source.name, purpose=source.consent, borrower_id=borrower_id, at=at, outcome=outcome,
            cost_fen=cost_fen, milliseconds=milliseconds,
        )
    )  # fmt: skip
