"""Contact rules over a contact log: which contacts broke which rule, with citation.

Log: ``contact_id, debtor_id, at, channel`` (call, sms, mail, letter, visit) and, where known, ``number`` (any stable token of the
number dialled), ``answered``, ``person`` (debtor or third), ``mentions_debt``, ``consent`` (the debtor agreed to be contacted in
quiet hours). Each contact is judged by the law of its own day; calls are counted by the day in China.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from jiehuan.law import Law, Rule, law_on
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

CHANNELS = ("call", "sms", "mail", "letter", "visit")
PERSONS = ("debtor", "third")


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact made or about to be made."""

    contact_id: str
    debtor_id: str
    at: datetime
    channel: str
    number: str = ""
    answered: bool = False
    person: str = "debtor"
    mentions_debt: bool = False
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Breach:
    """A contact that broke a rule: which, what was found, and the law in both languages."""

    contact_id: str
    debtor_id: str
    at: datetime
    rule: str
    citation: str
    zh: str
    en: str

    def as_row(self) -> dict[str, str]:
        """Plain strings, for tables and JSON."""
        return {
            "contact_id": self.contact_id,
            "debtor_id": self.debtor_id,
            "at": self.at.isoformat(),
            "rule": self.rule,
            "citation": self.citation,
            "zh": self.zh,
            "en": self.en,
        }


def check_contacts(log: pl.DataFrame | Iterable[Mapping[str, Any] | Contact], law: Law) -> list[Breach]:
    """Every breach in a contact log, in order of time. ``law`` names the lender; each day's own rules are applied.

    Raises InputError with each row that can't be read.
    """
    contacts = sorted(read_contacts(log), key=lambda contact: (contact.at, contact.contact_id))
    history = _History()
    breaches: list[Breach] = []
    for contact in contacts:
        breaches += _judge(contact, history, law_on(contact.at.astimezone(CHINA).date(), law.lender_type))
        history.add(contact)
    return breaches


def check_next_contact(contact: Contact, earlier: Iterable[Contact], law: Law) -> list[Breach]:
    """What would be broken by making this contact now, given those made before. A sender asks this before it sends.

    A call counts against the answered calls before it is known whether it will be answered.
    """
    history = _History()
    for other in earlier:
        if other.debtor_id == contact.debtor_id and other.at <= contact.at:
            history.add(other)
    return _judge(contact, history, law_on(contact.at.astimezone(CHINA).date(), law.lender_type), ahead=True)


def read_contacts(log: pl.DataFrame | Iterable[Mapping[str, Any] | Contact], where: str = "contacts") -> list[Contact]:
    """Contacts from a frame or rows. Raises InputError naming each faulty row."""
    rows: Iterable[Any] = log.iter_rows(named=True) if hasattr(log, "iter_rows") else log
    contacts: list[Contact] = []
    problems: list[Problem] = []
    for n, row in enumerate(rows, 1):
        if isinstance(row, Contact):
            contacts.append(row)
            continue
        found = _read(row, f"{where} row {n}", problems)
        if found is not None:
            contacts.append(found)
    if problems:
        raise InputError(problems)
    return contacts


class _History:
    """What the rules count: answered calls by debtor and day, dials by number and day, failed tries since the last success."""

    def __init__(self) -> None:
        self.answered: dict[tuple[str, date], int] = defaultdict(int)
        self.dials: dict[tuple[str, str, date], int] = defaultdict(int)
        self.failed: dict[str, int] = defaultdict(int)

    def add(self, contact: Contact) -> None:
        day = contact.at.astimezone(CHINA).date()
        if contact.channel != "call":
            return
        self.dials[contact.debtor_id, contact.number, day] += 1
        if contact.person == "debtor":
            self.answered[contact.debtor_id, day] += contact.answered
            self.failed[contact.debtor_id] = 0 if contact.answered else self.failed[contact.debtor_id] + 1


def _judge(contact: Contact, history: _History, law: Law, *, ahead: bool = False) -> list[Breach]:
    local = contact.at.astimezone(CHINA)
    day = local.date()
    found: list[Breach] = []

    def breach(rule: Rule, zh: str, en: str) -> None:
        found.append(Breach(contact.contact_id, contact.debtor_id, contact.at, rule.id, rule.citation, zh, en))

    quiet = law.rule("quiet_hours")
    if quiet is not None and contact.channel != "letter" and not contact.consent and _inside(local.time(), quiet.value):
        breach(
            quiet,
            f"{local:%H:%M} 在禁止催收时段 {quiet.value['from']} 至 {quiet.value['to']} 内",
            f"{local:%H:%M} is within the quiet hours {quiet.value['from']} to {quiet.value['to']}",
        )
    calls = law.rule("answered_calls_per_day")
    if calls is not None and contact.channel == "call" and contact.person == "debtor" and (contact.answered or ahead):
        count = history.answered[contact.debtor_id, day] + 1
        if count > calls.value:
            breach(
                calls,
                f"当日第 {count} 次接通，上限 {calls.value} 次",
                f"answered call {count} of the day, at most {calls.value}",
            )
    dials = law.rule("dials_per_number_per_day")
    if dials is not None and contact.channel == "call":
        count = history.dials[contact.debtor_id, contact.number, day] + 1
        if count > dials.value:
            breach(
                dials,
                f"同一号码当日第 {count} 次拨打，上限 {dials.value} 次",
                f"dial {count} of the day to one number, at most {dials.value}",
            )
    third = law.rule("third_party_contact")
    if third is not None and contact.person == "third":
        tries, needed = history.failed[contact.debtor_id], int(third.value["failed_tries"])
        if tries < needed:
            breach(
                third,
                f"联系第三人前仅有 {tries} 次无法联系债务人，须满 {needed} 次",
                f"a third person after {tries} failed tries to reach the debtor; {needed} are needed first",
            )
        if contact.mentions_debt and not third.value.get("mention_debt", False):
            breach(third, "向第三人透露债务信息", "the debt was mentioned to a third person")
    return found


def _inside(moment: time, quiet: Mapping[str, str]) -> bool:
    start, stop = time.fromisoformat(quiet["from"]), time.fromisoformat(quiet["to"])
    return start <= moment < stop if start <= stop else moment >= start or moment < stop


def _read(row: Any, where: str, problems: list[Problem]) -> Contact | None:
    before = len(problems)
    if not isinstance(row, Mapping):
        problems.append(Problem(where, str(row)[:80], "not a contact", "write an object"))
        return None
    for name in ("contact_id", "debtor_id", "at", "channel"):
        if row.get(name) in (None, ""):
            problems.append(Problem(f"{where}, {name}", "", "missing", f"write the {name}"))
    at = row.get("at")
    if at not in (None, "") and not isinstance(at, datetime):
        try:
            at = datetime.fromisoformat(str(at))
        except ValueError:
            problems.append(Problem(f"{where}, at", str(at)[:80], "not an instant", "write 2026-11-24T21:05:00+08:00"))
    if isinstance(at, datetime) and at.tzinfo is None:
        problems.append(Problem(f"{where}, at", at.isoformat(), "time zone missing", "write the offset, like +08:00"))
    _one_of(row.get("channel"), CHANNELS, f"{where}, channel", problems)
    person = row.get("person") or "debtor"
    _one_of(person, PERSONS, f"{where}, person", problems)
    flags = {
        name: _flag(row.get(name), f"{where}, {name}", problems) for name in ("answered", "mentions_debt", "consent")
    }
    if len(problems) > before or not isinstance(at, datetime):
        return None
    return Contact(
        str(row["contact_id"]),
        str(row["debtor_id"]),
        at,
        str(row["channel"]),
        str(row.get("number") or ""),
        flags["answered"],
        str(person),
        flags["mentions_debt"],
        flags["consent"],
    )


def _one_of(value: Any, allowed: Sequence[str], place: str, problems: list[Problem]) -> None:
    if value not in (None, "") and value not in allowed:
        problems.append(Problem(place, str(value)[:80], "unknown", f"write one of {', '.join(allowed)}"))


def _flag(value: Any, place: str, problems: list[Problem]) -> bool:
    if value in (None, ""):
        return False
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    text = str(value).strip().lower()
    if text in {"true", "false", "yes", "no"}:
        return text in {"true", "yes"}
    problems.append(Problem(place, str(value)[:80], "neither true nor false", "write true or false"))
    return False
