"""The declared rules of the doors (``access.yaml``), read once and checked: roles, routes, sessions, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

PUBLIC = frozenset({"*"})
"""The roles of a door that asks for no login."""


@dataclass(frozen=True, slots=True)
class Rules:
    """``routes`` and ``files`` give the roles that may pass; ``personal`` the fields a role may see unmasked."""

    roles: tuple[str, ...]
    routes: Mapping[str, frozenset[str]]
    files: Mapping[str, frozenset[str]]
    personal: Mapping[str, frozenset[str]]
    cookie: str
    idle_minutes: int
    longest_hours: int
    fewest_characters: int
    fewest_distinct: int
    throttle: Mapping[str, int]
    live: Mapping[str, int]


@cache
def rules() -> Rules:
    """The rules as they ship with this version."""
    return read(yaml.safe_load(files("jiehuan.api").joinpath("access.yaml").read_text(encoding="utf-8")))


def read(document: Mapping[str, Any]) -> Rules:
    """Check the document and give it types. Raises ValueError for a role that is not declared."""
    roles = tuple(document["roles"])
    return Rules(
        roles=roles,
        routes={door: _who(door, who, roles) for door, who in document["routes"].items()},
        files={kind: _who(kind, who, roles) for kind, who in document["files"].items()},
        personal={role: frozenset(document["personal"].get(role, ())) for role in roles},
        cookie=document["session"]["cookie"],
        idle_minutes=document["session"]["idle_minutes"],
        longest_hours=document["session"]["longest_hours"],
        fewest_characters=document["password"]["fewest_characters"],
        fewest_distinct=document["password"]["fewest_distinct"],
        throttle=document["throttle"],
        live=document["live"],
    )


def _who(door: str, who: str | list[str], roles: tuple[str, ...]) -> frozenset[str]:
    if who == "public":
        return PUBLIC
    named = frozenset(roles if who == "everyone" else who)
    if not named or not named <= set(roles) or (isinstance(who, str) and who != "everyone"):
        raise ValueError(f"access.yaml, {door}: {who!r} is not public, everyone or a list of {', '.join(roles)}")
    return named
