"""A source of data behind HTTP, declared in YAML: what is sent, what is taken out of the answer, consent, cost, cache.

Nothing is called here: ``request_of`` says what to send and ``answer_of`` reads what came back; the call itself, with
timeout, retry and cache, is ``flow/ask.py``. A source whose data the law forbids is refused when it is declared, and a
question about a person who has not consented to this purpose is refused before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from jiehuan.law import Law
from jiehuan.profile.history import moment_of
from jiehuan.units.errors import InputError, JiehuanError, Problem, Refused
from jiehuan.units.money import parse_yuan
from jiehuan.units.rates import parse_rate
from jiehuan.units.yaml_file import read_yaml

KINDS = ("integer", "yuan", "rate", "boolean", "text")
"""How a field of the answer is read: yuan become fen, rates become ppm."""

_WORDS = {
    "name",
    "data",
    "url",
    "method",
    "timeout_seconds",
    "retries",
    "cache_days",
    "cost_fen",
    "consent",
    "headers",
    "send",
    "take",
}
_NEEDED = {"name", "data", "url", "timeout_seconds", "consent", "send", "take"}
MAX_ANSWER_BYTES = 2_000_000
"""A report larger than this is not a report."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One field taken from the answer: where it stands (names and places from the root), how it is read."""

    name: str
    path: tuple[str, ...]
    kind: str
    required: bool


@dataclass(frozen=True)
class HttpSource:
    """A declared source: see ``examples/bureau_source.yaml`` for each word."""

    name: str
    data: str
    url: str
    consent: str
    timeout_seconds: float
    send: Mapping[str, str]
    take: tuple[Taken, ...]
    method: str = "POST"
    retries: int = 0
    cache_days: int = 0
    cost_fen: int = 0
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent: JSON for POST, query words for GET are in the URL already."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def load_source(path: Path, law: Law | None = None) -> HttpSource:
    """Read a source's file. Raises InputError for mistakes, Refused (with the article) for forbidden data."""
    return read_source(read_yaml(path, example="examples/bureau_source.yaml"), law, path.name)


def read_source(raw: Any, law: Law | None = None, place: str = "source") -> HttpSource:
    """A source from its document. Raises as ``load_source``."""
    if not isinstance(raw, Mapping):
        raise InputError(Problem(place, "", "not a source", f"give {', '.join(sorted(_NEEDED))}"))
    problems = list(_wrong(place, raw))
    if problems:
        raise InputError(problems)
    rule = law.rule("forbidden_data") if law else None
    if rule is not None and raw["data"] in rule.value:
        reason = f"this kind of data may not be used to judge credit: {rule.en}"
        raise Refused(Problem(f"{place}, data", raw["data"], reason, "remove the source", rule.citation, rule.zh))
    rest = {key: raw[key] for key in _WORDS & raw.keys() - {"take", "method"}}
    taken = tuple(
        Taken(name, tuple(str(one["path"]).split(".")), one.get("kind", "integer"), bool(one.get("required")))
        for name, one in raw["take"].items()
    )
    return HttpSource(**rest, method=str(raw.get("method", "POST")).upper(), take=taken)


def request_of(source: HttpSource, subject: Mapping[str, Any], at: datetime) -> Question:
    """The question about a person. Raises Refused without consent for this purpose, InputError when a fact is missing.

    ``subject``: the facts named by ``send``, and ``consents``: ``[{purpose, given_at, until?}]``.
    """
    _require_consent(source, subject, at)
    missing = [fact for fact in source.send.values() if subject.get(fact) in (None, "")]
    if missing:
        raise InputError(
            [Problem(f"{source.name}, {fact}", "", "is not known", "give it or do not ask") for fact in missing]
        )
    facts = {key: subject[fact] for key, fact in source.send.items()}
    headers = {"accept": "application/json", **(source.headers or {})}
    if source.method == "GET":
        from urllib.parse import urlencode

        return Question("GET", f"{source.url}?{urlencode(facts)}", headers, None)
    return Question("POST", source.url, {**headers, "content-type": "application/json"}, json.dumps(facts).encode())


def answer_of(source: HttpSource, status: int, body: bytes) -> dict[str, Any]:
    """The fields taken from an answer, amounts in fen. Raises InputError naming what is wrong with the answer."""
    place = f"{source.name} answer"
    if status != 200:
        raise InputError(Problem(place, str(status), "the source did not answer", "try later, or decide without it"))
    if len(body) > MAX_ANSWER_BYTES:
        raise InputError(Problem(place, f"{len(body)} bytes", "too large for a report", "check the source's URL"))
    try:
        document = json.loads(body)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(Problem(place, "", f"not JSON: {error}", "check the source's URL")) from None
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for taken in source.take:
        value = _at(document, taken.path)
        if value is None:
            if taken.required:
                path = ".".join(taken.path)
                problems.append(Problem(f"{place}, {path}", "", "is missing", "correct the path in the source's file"))
            continue
        try:
            found[taken.name] = _read(value, taken, place)
        except JiehuanError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return found


def _require_consent(source: HttpSource, subject: Mapping[str, Any], at: datetime) -> None:
    now = moment_of(at)
    for consent in subject.get("consents") or ():
        given = moment_of(datetime.fromisoformat(str(consent["given_at"])))
        until = consent.get("until")
        ended = until is not None and moment_of(datetime.fromisoformat(str(until))) <= now
        if consent.get("purpose") == source.consent and given <= now and not ended:
            return
    raise Refused(
        Problem(
            source.name,
            source.consent,
            "the person has not consented to this",
            "ask for consent first",
            "《中华人民共和国个人信息保护法》第十三条; PIPL art. 13",
            "未取得本人同意，不得查询",
        )
    )


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if isinstance(document, Mapping):
            document = document.get(part)
        elif isinstance(document, list) and part.lstrip("-").isdigit() and -len(document) <= int(part) < len(document):
            document = document[int(part)]
        else:
            return None
    return document


def _read(value: Any, taken: Taken, place: str) -> Any:
    where = f"{place}, {'.'.join(taken.path)}"
    if taken.kind == "yuan":
        return parse_yuan(value, where)
    if taken.kind == "rate":
        return parse_rate(value, where)
    right = {"integer": int, "boolean": bool, "text": str}[taken.kind]
    if not isinstance(value, right) or (taken.kind == "integer" and isinstance(value, bool)):
        raise InputError(Problem(where, str(value)[:80], f"not {taken.kind}", "correct the kind in the source's file"))
    return value


def _wrong(place: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    for key in raw.keys() - _WORDS:
        yield Problem(f"{place}, {key}", "", "unknown word", f"use {', '.join(sorted(_WORDS))}")
    for key in _NEEDED - raw.keys():
        yield Problem(f"{place}, {key}", "", "is missing", f"give {key}")
    url = str(raw.get("url", "https://x"))
    local = url.startswith(("http://127.0.0.1", "http://localhost"))
    if not (url.startswith("https://") or local):
        yield Problem(
            f"{place}, url", url[:80], "not https", "personal data travels encrypted; plain http only to this machine"
        )
    if str(raw.get("method", "POST")).upper() not in {"GET", "POST"}:
        yield Problem(f"{place}, method", str(raw["method"]), "not GET or POST", "write one of them")
    for key, least, most in (
        ("timeout_seconds", 0.05, 60),
        ("retries", 0, 5),
        ("cache_days", 0, 365),
        ("cost_fen", 0, 10**6),
    ):
        value = raw.get(key, least)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value <= most:
            yield Problem(f"{place}, {key}", str(value)[:80], "not a number in bounds", f"write {least} to {most}")
    for key in ("send", "take", "headers"):
        if not isinstance(raw.get(key, {}), Mapping):
            yield Problem(f"{place}, {key}", str(raw[key])[:80], "not names and values", "write an entry for each")
            return
    for name, one in raw.get("take", {}).items():
        if not isinstance(one, Mapping) or not one.get("path") or one.get("kind", "integer") not in KINDS:
            yield Problem(
                f"{place}, take, {name}", str(one)[:80], "not understood", f"give path, and kind of {', '.join(KINDS)}"
            )
