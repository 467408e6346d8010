"""A source behind HTTP against the real sandbox: consent, mapping, faults, cache and cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jiehuan.flow.ask import ask
from jiehuan.flow.sandbox import bureau_sandbox, report_of
from jiehuan.law import law_on
from jiehuan.profile.http_source import answer_of, load_source, read_source, request_of
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Refused

EXAMPLES = Path(__file__).parents[2] / "examples"
NOW = datetime(2026, 9, 1, 10, 0, tzinfo=CHINA)
PERSON = {"person_hash": "abc", "consents": [{"purpose": "credit_report", "given_at": "2026-08-31T10:00:00+08:00"}]}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with bureau_sandbox() as found:
        yield found


def declared(**changes: Any) -> dict[str, Any]:
    return {**yaml.safe_load((EXAMPLES / "bureau_source.yaml").read_text(encoding="utf-8")), **changes}


def test_the_example_source_is_lawful_and_answers(url: str) -> None:
    assert load_source(EXAMPLES / "bureau_source.yaml", law_on(date(2026, 9, 1), "micro_lender")).cost_fen == 150
    source = read_source(declared(url=url))
    answer = ask(source, PERSON, NOW, {})
    report = report_of("abc")["report"]
    assert answer.fields["worst_24m"] == report["worst_24m"]
    assert answer.fields["overdue_fen"] == round(float(report["overdue"]["amount"]) * 100)
    assert (answer.cost_fen, answer.cached) == (150, False)


def test_the_answer_is_remembered_for_its_days_and_costs_once(url: str) -> None:
    source, cache = read_source(declared(url=url)), {}
    first = ask(source, PERSON, NOW, cache)
    again = ask(source, PERSON, NOW + timedelta(days=29), cache)
    later = ask(source, PERSON, NOW + timedelta(days=31), cache)
    assert (first.cost_fen, again.cost_fen, later.cost_fen) == (150, 0, 150)
    assert again.fields == first.fields
    assert again.asked_at == NOW
    assert "abc" not in str(list(cache)), "the question is kept as a hash only"


@pytest.mark.parametrize(
    "consents",
    [
        [], [{"purpose": "marketing", "given_at": "2026-08-01T00:00:00+08:00"}],
        [{"purpose": "credit_report", "given_at": "2026-09-02T00:00:00+08:00"}],
        [{"purpose": "credit_report", "given_at": "2026-08-01T00:00:00+08:00", "until": "2026-08-20T00:00:00+08:00"}],
    ],
)  # fmt: skip
def test_nothing_is_sent_without_consent(consents: list[dict[str, str]]) -> None:
    source = read_source(declared(url="http://127.0.0.1:9/nobody"))
    with pytest.raises(Refused) as error:
        ask(source, {**PERSON, "consents": consents}, NOW, {})
    assert "个人信息保护法" in error.value.problems[0].citation


def test_faults_of_the_source_are_said_with_a_mend(url: str) -> None:
    send = {"person": "person_hash", "fail": "fault"}

    def told(fault: str, **changes: Any) -> str:
        source = read_source(declared(**{"url": url, "send": send, **changes}))
        with pytest.raises(InputError) as error:
            ask(source, {**PERSON, "fault": fault}, NOW, {})
        assert error.value.problems[0].mend
        return str(error.value)

    assert "answered 503" in told("down")
    assert "no answer after 2 tries" in told("down")
    assert "not JSON" in told("broken")
    assert "no answer" in told("slow", timeout_seconds=0.1, retries=0)  # who waits a second is answered
    assert "no answer" in told("x", url="http://127.0.0.1:9/nobody", retries=0)


def test_a_missing_secret_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BUREAU_KEY", raising=False)
    source = read_source(declared(url=url, headers={"authorization": "Bearer ${BUREAU_KEY}"}))
    with pytest.raises(InputError, match="BUREAU_KEY"):
        ask(source, PERSON, NOW, {})
    monkeypatch.setenv("BUREAU_KEY", "k")
    assert ask(source, PERSON, NOW, {}).fields


def test_forbidden_data_and_plain_http_are_refused_when_declared() -> None:
    with pytest.raises(Refused) as error:
        read_source(declared(data="social_network"), law_on(date(2026, 9, 1), "bank"))
    assert error.value.problems[0].citation
    with pytest.raises(InputError, match="not https"):
        read_source(declared(url="http://bureau.example/report"))


def test_every_mistake_of_a_source_is_told() -> None:
    with pytest.raises(InputError) as error:
        read_source(declared(timeout_seconds=900, retries=-1, method="PUT", colour="red", take={"a": {"kind": "tree"}, "b": 5}))
    text = str(error.value)
    for part in ("timeout_seconds", "retries", "method", "colour", "take, a", "take, b"):
        assert part in text
    with pytest.raises(InputError, match="url"):
        read_source({"name": "x"})


def test_answers_of_another_shape_are_refused_by_path() -> None:
    source = read_source(declared())
    with pytest.raises(InputError, match=r"report\.overdue\.amount"):
        answer_of(source, 200, b"{}")
    with pytest.raises(InputError, match=r"report\.worst_24m"):
        answer_of(source, 200, b'{"report": {"overdue": {"amount": "1.00"}, "worst_24m": "two"}}')
    with pytest.raises(InputError, match="404"):
        answer_of(source, 404, b"")


def test_a_fact_that_is_not_known_is_not_sent() -> None:
    with pytest.raises(InputError, match="person_hash"):
        request_of(read_source(declared()), {"consents": PERSON["consents"]}, NOW)
    question = request_of(read_source(declared(method="GET")), PERSON, NOW)
    assert question.url.endswith("/report?person=abc")
