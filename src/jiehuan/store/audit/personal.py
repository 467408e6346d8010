"""No personal datum stands in clear: identity numbers and mobile numbers in any table or log that is not the vault.

What is looked for has a form that can be told from other numbers: an identity number (18 characters, a date of birth, a check
character by GB 11643, that is ISO 7064 MOD 11-2), and a mainland mobile number (11 digits from 13 to 19) that stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import JSON, Text, cast, func, or_, select

from jiehuan.store.audit.tally import Audit, Finding, Tally, finding
from jiehuan.store.tables import metadata
from jiehuan.units.errors import Problem
from jiehuan.units.personal import check_character

NOT_LOOKED_AT = {"user_account", "session"}
"""Tables of the staff's own accounts."""

_ID_NUMBER = re.compile(r"(?<![0-9A-Za-z])([1-9]\d{5})((?:19|20)\d{6})(\d{3})([\dXx])(?![0-9A-Za-z])", re.ASCII)
_MOBILE = re.compile(r"(?<![0-9A-Za-z.+_-])(?:\+?86[ -]?)?1[3-9]\d{9}(?![0-9A-Za-z_]|\.\d)", re.ASCII)
_CANDIDATE = r"(1[3-9]\d{9}|\d{17}[\dXx])"  # for the database: anything that the two above could match


def check_personal(audit: Audit) -> Iterator[Finding]:
    """Every text and JSON column of every table, and the log files in the home."""
    tally = Tally()
    for table in metadata.sorted_tables:
        columns = [one for one in table.columns if isinstance(one.type, (Text, JSON))]
        if table.name in NOT_LOOKED_AT or not columns:
            continue
        keys = [column.name for column in table.primary_key.columns]
        counted = audit.connection.execute(select(func.count()).select_from(table)).scalar_one()
        tally.look(things=int(counted))
        suspect = or_(*(cast(column, Text).regexp_match(_CANDIDATE) for column in columns))
        for row in audit.connection.execute(select(table).where(suspect)).mappings():
            for column in columns:
                for kind in sorted({kind for said in _texts(row[column.name]) for kind in personal_data(said)}):
                    place = f"{table.name} {' '.join(str(row[key]) for key in keys)}, {column.name}"
                    tally.look([Problem(place, "", f"holds {kind} in clear", "seal it in the vault")], things=0)
    for path in sorted(audit.home.glob("*.log*")) if audit.home.is_dir() else ():
        tally.look()
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                for kind in personal_data(line):
                    tally.look(
                        [Problem(f"{path.name} line {number}", "", f"holds {kind} in clear", "delete it")], things=0
                    )
    yield finding("personal_data", "库外、日志、消息中没有明文个人信息", "no personal datum stands in clear", tally)


def personal_data(said: str) -> list[str]:
    """The kinds of personal data that a text holds.

    >>> personal_data("call 13812345678"), personal_data("id 11010519491231002X"), personal_data("13812345678.00 yuan")
    (['a mobile number'], ['an identity number'], [])
    """
    kinds = []
    if any(_is_id_number(found) for found in _ID_NUMBER.finditer(said)):
        kinds.append("an identity number")
    if _MOBILE.search(said):
        kinds.append("a mobile number")
    return kinds


def _is_id_number(found: re.Match[str]) -> bool:
    number = found.group(0).upper()
    born = found.group(2)
    try:
        date(int(born[:4]), int(born[4:6]), int(born[6:]))
    except ValueError:
        return False
    return check_character(number[:-1]) == number[-1]


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value, those of keys too; numbers are amounts, not names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
