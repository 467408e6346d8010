"""Who lends: the lender's facts and its ways of working, shipped as YAML, replaced by the setting ``lender``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Connection, select

from jiehuan.store import tables
from jiehuan.store.rows import upsert
from jiehuan.store.straight import ask
from jiehuan.units.errors import InputError, Problem


def lender_of(connection: Connection) -> dict[str, Any]:
    """The lender's facts: the shipped ones with what the lender set."""
    kept = ask(connection, "SELECT value FROM setting WHERE key = 'lender'", ())
    return {**_shipped(), **(kept[0] if kept else {})}


def keep_lender(connection: Connection, facts: Mapping[str, Any]) -> None:
    """Set facts of the lender. Raises InputError for names that mean nothing here."""
    unknown = sorted(set(facts) - set(_shipped()))
    if unknown:
        raise InputError(Problem("lender", ", ".join(unknown), "no such fact", "one of " + ", ".join(_shipped())))
    kept = connection.execute(
        select(tables.setting.c.value).where(tables.setting.c.key == "lender")
    ).scalar_one_or_none()
    upsert(connection, tables.setting, [{"key": "lender", "value": {**(kept or {}), **facts}}])


@cache
def _shipped() -> dict[str, Any]:
    facts: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("lender.yaml").read_text(encoding="utf-8"))
    return facts
