"""Logs of the server: one JSON object a line on stderr (a readable line on a terminal), cleaned of personal data.

Nothing of ours logs personal data on purpose; the cleaner is the second net. It stars what looks like an id number, a
phone number or a mail address, and whatever stands under a name that means a secret.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog

_SECRET = re.compile(
    r"pass|token|secret|cookie|authori[sz]ation|phone|mobile|e_?mail|id_number|identity|^name$|address", re.I
)
_PATTERNS = (
    re.compile(r"(?<!\d)\d{17}[\dXx](?![\dXx])"),
    re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d{9}(?!\d)"),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
)
STARS = "***"


def clean(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor: the event without personal data.

    >>> clean(None, "", {"event": "called 13812345678", "phone": "1", "n": 3})
    {'event': 'called ***', 'phone': '***', 'n': 3}
    """
    return {name: STARS if _is_secret(name) else cleaned(value) for name, value in event.items()}


@lru_cache(maxsize=1000)
def _is_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def cleaned(value: Any) -> Any:
    """A value with what looks personal starred, at any depth."""
    if isinstance(value, str):
        for pattern in _PATTERNS:
            value = pattern.sub(STARS, value)
        return value
    if isinstance(value, Mapping):
        return {key: STARS if _is_secret(str(key)) else cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(each) for each in value]
    return value


def set_up_logs(*, verbose: bool = False) -> None:
    """Send structlog and the standard library's loggers (uvicorn, SQLAlchemy) through the cleaner to stderr."""
    terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        clean,
    ]
    shown: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_trace, shown],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO if verbose else logging.WARNING)


def _without_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """An exception by its type only: a traceback's last line may quote a value."""
    raised = event.pop("exc_info", None)
    if isinstance(raised, tuple) and raised[0] is not None:
        event["kind"] = raised[0].__name__
    return event
