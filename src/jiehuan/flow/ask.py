"""Ask a declared HTTP source about a person: one call with timeout, retry, cache and its cost; the bureau's report,
say.

What is sent and taken is the source's declaration (``profile/http_source.py``). Headers may name secrets of the
environment (``${BUREAU_KEY}``), which are filled in here and never kept. An answer is remembered for the source's
days, by a hash of the question, in the memory of this process; nothing personal is written to disk.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jiehuan.profile.http_source import MAX_ANSWER_BYTES, HttpSource, Question, answer_of, request_of
from jiehuan.units.errors import InputError, Problem

_SECRET = re.compile(r"\$\{(\w+)\}")
_RETRY_AFTER_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said: the fields taken, when it was asked, what it cost (0 from the cache), how long it took."""

    fields: Mapping[str, Any]
    asked_at: datetime
    cost_fen: int
    milliseconds: int
    cached: bool


Cache = MutableMapping[str, tuple[datetime, Mapping[str, Any]]]
_REMEMBERED: Cache = {}


def ask(source: HttpSource, subject: Mapping[str, Any], at: datetime, cache: Cache | None = None) -> Answer:
    """Ask about a person at ``at`` (an instant with its zone).

    Raises Refused without consent, InputError without answer.
    """
    question = request_of(source, subject, at)
    remembered = _REMEMBERED if cache is None else cache
    key = hashlib.sha256(
        f"{source.name}|{question.method}|{question.url}|".encode() + (question.body or b"")
    ).hexdigest()
    kept = remembered.get(key)
    if kept is not None and at - kept[0] < timedelta(days=source.cache_days):
        return Answer(kept[1], kept[0], 0, 0, cached=True)
    start = time.perf_counter()
    status, body = _call(source, question)
    fields = answer_of(source, status, body)
    if source.cache_days:
        remembered[key] = (at, fields)
    return Answer(fields, at, source.cost_fen, round((time.perf_counter() - start) * 1000), cached=False)


def _call(source: HttpSource, question: Question) -> tuple[int, bytes]:
    """The call, tried again after a failure that may pass; a refusal (4xx) is final."""
    headers = {name: _filled(value, source.name) for name, value in question.headers.items()}
    request = urllib.request.Request(question.url, question.body, headers, method=question.method)  # noqa: S310 - read_source checked it
    local = request.host.startswith(("127.0.0.1", "localhost"))
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    reason = ""
    for attempt in range(source.retries + 1):
        if attempt:
            time.sleep(_RETRY_AFTER_SECONDS * attempt)
        try:
            with opener.open(request, timeout=source.timeout_seconds) as reply:
                return reply.status, reply.read(MAX_ANSWER_BYTES + 1)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return error.code, b""
            reason = f"answered {error.code}"
        except (urllib.error.URLError, TimeoutError, ConnectionError, OSError) as error:
            reason = str(getattr(error, "reason", error) or error)
    mend = "try later, raise timeout_seconds, or decide without it"
    raise InputError(Problem(source.name, "", f"no answer after {source.retries + 1} tries: {reason}", mend))


def _filled(value: str, name: str) -> str:
    def secret(found: re.Match[str]) -> str:
        kept = os.environ.get(found.group(1))
        if kept is None:
            mend = f"set {found.group(1)} in the environment"
            raise InputError(Problem(f"{name}, headers", found.group(1), "the secret is not set", mend))
        return kept

    return _SECRET.sub(secret, value)
