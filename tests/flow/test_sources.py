"""Paid answers: paid once within their days, sealed, by person, source and purpose; against the real sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, select
from tests.flow.conftest import application, at

from jiehuan.flow.apply import apply
from jiehuan.flow.decide import decide
from jiehuan.flow.demo.people import Crowd
from jiehuan.flow.sandbox import bureau_sandbox, report_of
from jiehuan.flow.sources import ask_kept, forget_expired, gather, keep_sources, sources_of
from jiehuan.law import law_on
from jiehuan.profile.http_source import HttpSource, read_source
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.vault import Vault, open_vault
from jiehuan.units.errors import InputError, Refused

ON = date(2026, 1, 12)
CONSENTS = [{"purpose": "credit_report", "given_at": "2026-01-10T10:00:00+08:00"}]
DECLARED = yaml.safe_load((Path(__file__).parents[2] / "examples" / "bureau_source.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with bureau_sandbox() as found:
        yield found


@pytest.fixture
def bureau(url: str) -> HttpSource:
    return read_source({**DECLARED, "url": url})


def person(**changes: Any) -> dict[str, Any]:
    return {"person_hash": "p-1", "consents": CONSENTS, **changes}


def costs(connection: Connection) -> list[tuple[str, int]]:
    calls = tables.source_call.c
    return [tuple(row) for row in connection.execute(select(calls.outcome, calls.cost_fen).order_by(calls.id))]


def test_the_second_question_costs_nothing_until_it_expires(lender: Database, vault: Vault, bureau: HttpSource) -> None:
    with lender.begin() as connection:
        first = ask_kept(connection, vault, bureau, "1", person(), at(ON))
    with lender.begin() as connection:
        again = ask_kept(connection, open_vault(lender), bureau, "1", person(), at(ON + timedelta(days=29)))
        assert (first.cost_fen, again.cost_fen, again.cached) == (150, 0, True)
        assert again.fields == first.fields and again.asked_at == at(ON)
        later = ask_kept(connection, vault, bureau, "1", person(), at(ON + timedelta(days=31)))
        assert (later.cost_fen, later.cached) == (150, False)
        assert costs(connection) == [("answered", 150), ("remembered", 0), ("answered", 150)]


def test_another_person_source_or_purpose_is_another_question(lender: Database, vault: Vault, bureau: HttpSource, url: str) -> None:
    other = read_source({**DECLARED, "url": url, "name": "second"})
    purpose = read_source({**DECLARED, "url": url, "consent": "collection"})
    both = person(consents=[*CONSENTS, {"purpose": "collection", "given_at": "2026-01-10T10:00:00+08:00"}])
    with lender.begin() as connection:
        for source, who, said in ((bureau, "1", both), (bureau, "2", {**both, "person_hash": "p-2"}), (other, "1", both), (purpose, "1", both)):
            assert ask_kept(connection, vault, source, who, said, at(ON)).cost_fen == 150
        assert ask_kept(connection, vault, purpose, "1", both, at(ON)).cost_fen == 0


def test_consent_is_needed_for_a_remembered_answer_too(lender: Database, vault: Vault, bureau: HttpSource) -> None:
    with lender.begin() as connection:
        ask_kept(connection, vault, bureau, "1", person(), at(ON))
        ended = [{**CONSENTS[0], "until": "2026-01-13T00:00:00+08:00"}]
        with pytest.raises(Refused, match="has not consented") as error:
            ask_kept(connection, vault, bureau, "1", person(consents=ended), at(ON + timedelta(days=2)))
        assert "个人信息保护法" in error.value.problems[0].citation


def test_what_is_kept_is_sealed_and_forgotten_after_its_days(lender: Database, vault: Vault, bureau: HttpSource) -> None:
    with lender.begin() as connection:
        told = ask_kept(connection, vault, bureau, "110101199001011234", person(), at(ON))
        row = connection.execute(select(tables.source_answer)).one()
        assert all(name.encode() not in bytes(row.sealed) for name in told.fields)
        assert b"110101199001011234" not in bytes(row.person_index) + bytes(row.question) + bytes(row.sealed)
        assert forget_expired(connection, at(ON + timedelta(days=30)) - timedelta(seconds=1)) == 0
        assert forget_expired(connection, at(ON + timedelta(days=30))) == 1


def test_two_at_once_pay_once(lender: Database, vault: Vault, bureau: HttpSource) -> None:
    paid: list[int] = []

    def one() -> None:
        with lender.begin() as connection:
            paid.append(ask_kept(connection, vault, bureau, "1", person(), at(ON)).cost_fen)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(paid) == [0, 0, 0, 150]


def test_a_second_decision_on_the_same_person_costs_nothing(lender: Database, vault: Vault, crowd: Crowd, bureau: HttpSource) -> None:
    with lender.begin() as connection:
        first = asked(connection, vault, crowd, "ap-1", CONSENTS)
        told = gather(connection, vault, first, [bureau], at(ON), "ana")
        assert (told.cost_fen, told.problems) == (150, ())
        decided = decide(connection, first, at(ON))
        second = asked(connection, vault, crowd, "ap-2", CONSENTS)
        again = gather(connection, vault, second, [bureau], at(ON + timedelta(days=3)), "ana")
        assert (again.cost_fen, again.answers["bureau"].cached) == (0, True)
        report = report_of_subject(connection, vault, first)
        assert decided["inputs"]["features"]["bureau_worst_24m"] == report["worst_24m"]
        assert decide(connection, second, at(ON))["inputs"]["features"]["bureau_worst_24m"] == report["worst_24m"]


def test_without_consent_nothing_is_asked_and_it_is_told(lender: Database, vault: Vault, crowd: Crowd, bureau: HttpSource) -> None:
    with lender.begin() as connection:
        application_id = asked(connection, vault, crowd, "ap-1", [])
        told = gather(connection, vault, application_id, [bureau], at(ON), "ana")
        assert told.answers == {} and told.cost_fen == 0
        assert "has not consented" in told.problems[0].reason
        assert costs(connection) == [("refused", 0)]


def test_a_source_that_is_down_is_told_and_costs_nothing(lender: Database, vault: Vault, crowd: Crowd, bureau: HttpSource, url: str) -> None:
    down = read_source({**DECLARED, "name": "elsewhere", "url": "http://127.0.0.1:9/nobody", "retries": 0, "timeout_seconds": 0.2})
    with lender.begin() as connection:
        application_id = asked(connection, vault, crowd, "ap-1", CONSENTS)
        told = gather(connection, vault, application_id, [down, bureau], at(ON), "ana")
        assert list(told.answers) == ["bureau"]
        assert "no answer" in told.problems[0].reason
        assert costs(connection) == [("failed", 0), ("answered", 150)]


def test_forbidden_sources_are_not_declared(lender: Database, url: str) -> None:
    with lender.begin() as connection:
        keep_sources(connection, [{**DECLARED, "url": url}], at(ON), "micro_lender")
        assert [source.name for source in sources_of(connection, law_on(ON, "micro_lender"))] == ["bureau"]
        with pytest.raises(Refused, match="may not be used to judge credit") as error:
            keep_sources(connection, [{**DECLARED, "url": url, "data": "social_network"}], at(ON), "micro_lender")
        assert error.value.problems[0].citation
        with pytest.raises(InputError, match="not https"):
            keep_sources(connection, [{**DECLARED, "url": "http://bureau.invalid/x"}], at(ON), "micro_lender")


def asked(connection: Connection, vault: Vault, crowd: Crowd, application_id: str, consents: list[dict[str, str]]) -> str:
    request = application(crowd, 1, ON)
    request["application_id"] = application_id
    request["features"] = {
        name: value for name, value in request["features"].items() if not name.startswith("bureau_")
    } | {"consents": consents}
    return apply(connection, vault, request, at(ON))


def report_of_subject(connection: Connection, vault: Vault, application_id: str) -> dict[str, Any]:
    from jiehuan.flow.person import identity_of

    borrower = connection.execute(
        select(tables.application.c.borrower_id).where(tables.application.c.application_id == application_id)
    ).scalar_one()
    known = identity_of(connection, vault, borrower)["id_number"]
    report: dict[str, Any] = report_of(vault.blind_index(known).hex())["report"]
    return report


