"""May this collection contact be made, and which contacts of a log should not have been?

Quiet hours, answered calls and dial attempts a day, and third persons, by the law of the contact's own day in
Asia/Shanghai. A contact's number is never repeated in a breach: it is personal data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cache
from typing import Any

from jiehuan.law.book import Law, law_on
from jiehuan.law.breach import Breach, breach
from jiehuan.law.reading import Reading
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem

CALLS = frozenset({"call", "phone", "voice", "ivr", "robot"})
_UNTIMED = frozenset({"letter", "post", "legal", "none"})
"""What reaches the debtor by post or court has no hour of the day."""
_NOT_MADE = frozenset({"blocked", "failed", "cancelled"})
_DEBTOR = frozenset({"", "debtor", "self", "borrower"})


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact: instant with zone, channel (call, sms, mail, visit, letter …), whom it reached and what was said.

    ``answered``: None where not known or not meaningful. ``number``: what was dialled (any stable token of it will do);
    empty counts all of a debtor's calls as one number. ``consent``: the debtor agreed to contact at that hour.
    """

    contact_id: str
    debtor_id: str
    at: datetime
    channel: str
    number: str = ""
    answered: bool | None = None
    third_person: bool = False
    mentioned_debt: bool = False
    consent: bool = False
    local: datetime = field(init=False, compare=False, repr=False)
    """The instant on the clock in Asia/Shanghai."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "local", self.at.astimezone(CHINA))

    @property
    def is_call(self) -> bool:
        """Whether it is a call, which rings and may be answered."""
        return self.channel in CALLS

    @property
    def dialled(self) -> str:
        """What counts as one number: the number, or whose it is where the log does not say."""
        return self.number or ("third person" if self.third_person else "debtor")


@dataclass
class Tally:
    """What a debtor's earlier contacts count for: answered calls and dials by day, failed tries since reached."""

    answered: Counter[date] = field(default_factory=Counter)
    dials: Counter[tuple[str, date]] = field(default_factory=Counter)
    failed_tries: int = 0

    def add(self, contact: Contact) -> None:
        """Count a contact that was made."""
        day = contact.local.date()
        if contact.is_call:
            self.dials[contact.dialled, day] += 1
            if contact.answered and not contact.third_person:
                self.answered[day] += 1
        if not contact.third_person:
            if contact.answered:
                self.failed_tries = 0
            elif contact.answered is False:
                self.failed_tries += 1


def check_contact(
    contact: Contact, earlier: Iterable[Contact], lender_type: str, *, planned: bool = True
) -> list[Breach]:
    """Every rule that making this contact would break, given the debtor's earlier ones in the order they were made.

    ``planned``: a call that is not made yet might be answered, and counts as such.
    """
    tally = Tally()
    for before in earlier:
        if before.debtor_id == contact.debtor_id:
            tally.add(before)
    return breaches_of(contact, tally, law_on(contact.local.date(), lender_type), planned=planned)


def check_contacts(log: Iterable[Contact], lender_type: str, *, on: date | None = None) -> list[Breach]:
    """The breaches in a log of contacts that were made, in the order of the log's time; each names its contact's id.

    Each contact is held against the law of its own day, or all of them against that of ``on``.
    """
    tallies: dict[str, Tally] = {}
    breaches: list[Breach] = []
    for contact in sorted(log, key=lambda entry: (entry.at, entry.contact_id)):
        tally = tallies.setdefault(contact.debtor_id, Tally())
        breaches += breaches_of(contact, tally, law_on(on or contact.local.date(), lender_type), planned=False)
        tally.add(contact)
    return breaches


def breaches_of(contact: Contact, tally: Tally, law: Law, *, planned: bool) -> list[Breach]:
    """The rules one contact breaks, given what the debtor's earlier contacts count for."""
    return [
        *_quiet(contact, law),
        *_answered(contact, tally, law, planned),
        *_dials(contact, tally, law),
        *_third(contact, tally, law),
    ]


def read_contacts(rows: Sequence[Mapping[str, Any]], where: str = "log") -> tuple[list[Contact], list[Problem]]:
    """Read the rows of a contact log; rows that were blocked or failed before they went out are left out.

    Columns: ``debtor_id`` (or ``borrower_id``, ``account_id``), ``at`` (ISO; without zone: Asia/Shanghai),
    ``channel``, and where known ``contact_id, number, answered`` (or ``status``: answered, unanswered, …), ``to``
    (debtor or third_person), ``mentioned_debt, consent``. Faulty rows come back as problems, and never lose the good
    ones.
    """
    contacts: list[Contact] = []
    problems: list[Problem] = []
    for place, row in enumerate(rows, start=1):
        try:
            contact = read_contact(row, f"{where} row {place}", place)
        except InputError as error:
            problems.extend(error.problems)
        else:
            if contact is not None:
                contacts.append(contact)
    return contacts, problems


def read_contact(row: Mapping[str, Any], where: str, place: int = 0) -> Contact | None:
    """One row as a contact, None when it was never made. Raises InputError with all of the row's faults."""
    read = Reading(row, where)
    status = str(row.get("status") or row.get("outcome") or "").lower()
    debtor = next((str(row[key]) for key in ("debtor_id", "borrower_id", "account_id") if row.get(key)), None)
    if debtor is None:
        read.fault("debtor_id", None, "missing", "give debtor_id")
    at = _instant(read)
    channel = str(row.get("channel") or row.get("action") or "").lower()
    if not channel:
        read.fault("channel", None, "missing", "write call, sms, mail, visit or letter")
    answered = read.flag("answered")
    if answered is None and status in {"answered", "unanswered"}:
        answered = status == "answered"
    mentioned, consent = read.flag("mentioned_debt") or read.flag("mentions_debt"), read.flag("consent")
    to = str(row.get("to") or row.get("person") or row.get("party") or "").lower()
    read.done()
    assert debtor is not None and at is not None  # noqa: S101 - done() has raised otherwise
    if status in _NOT_MADE:
        return None
    number = str(row.get("number") or row.get("phone") or "")
    contact_id = str(row.get("contact_id") or row.get("id") or f"row {place}")
    return Contact(
        contact_id, debtor, at, channel, number, answered, to not in _DEBTOR, bool(mentioned), bool(consent)
    )


def _instant(read: Reading) -> datetime | None:
    value = read.must(read.document.get("at"), "at")
    at = value
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value.strip())
        except ValueError:
            at = None
    if not isinstance(at, datetime):
        if value is not None:
            read.fault("at", value, "not an instant", "write ISO 8601, like 2026-03-01T10:00:00+08:00")
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=CHINA)


def _quiet(contact: Contact, law: Law) -> list[Breach]:
    rule = law.rule("quiet_hours")
    if rule is None or contact.channel in _UNTIMED or (contact.consent and rule.value.get("consent")):
        return []
    start, end = _clock(rule.value["from"]), _clock(rule.value["to"])
    clock = contact.local.time()
    quiet = clock >= start or clock < end if start > end else start <= clock < end
    if not quiet:
        return []
    found, allowed = contact.local.strftime("%Y-%m-%d %H:%M:%S"), f"{end:%H:%M} to {start:%H:%M}"
    return [_breach(rule, contact, found, allowed, f"{found}处于禁止催收时段", f"made at {found}, in quiet hours")]


@cache
def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _answered(contact: Contact, tally: Tally, law: Law, planned: bool) -> list[Breach]:
    rule = law.rule("answered_calls_per_day")
    answered = contact.answered or (planned and contact.answered is None)
    counts = contact.is_call and not contact.third_person and answered
    number = tally.answered[contact.local.date()] + 1
    if rule is None or not counts or number <= rule.value:
        return []
    zh, en = f"当日第{number}次接通", f"answered call number {number} of the day"
    return [_breach(rule, contact, str(number), str(rule.value), zh, en)]


def _dials(contact: Contact, tally: Tally, law: Law) -> list[Breach]:
    rule = law.rule("dials_per_number_per_day")
    number = tally.dials[contact.dialled, contact.local.date()] + 1
    if rule is None or not contact.is_call or number <= rule.value:
        return []
    zh, en = f"同一号码当日第{number}次拨打", f"attempt number {number} of the day at one number"
    return [_breach(rule, contact, str(number), str(rule.value), zh, en)]


def _third(contact: Contact, tally: Tally, law: Law) -> list[Breach]:
    rule = law.rule("third_party_contact")
    if rule is None or not contact.third_person:
        return []
    breaches = []
    tries, needed = tally.failed_tries, int(rule.value["failed_tries"])
    if tries < needed:
        zh = f"仅{tries}次联系债务人未果即联系第三人"
        en = f"a third person after {tries} failed tries to reach the debtor"
        breaches.append(_breach(rule, contact, f"{tries} failed tries", f"{needed} failed tries", zh, en))
    if contact.mentioned_debt and not rule.value["mention_debt"]:
        zh, en = "向第三人透露了债务信息", "the debt was mentioned to a third person"
        breaches.append(_breach(rule, contact, "debt mentioned", "message only", zh, en))
    return breaches


def _breach(rule: Any, contact: Contact, found: str, allowed: str, zh: str, en: str) -> Breach:
    return breach(rule, f"contact {contact.contact_id}", found, allowed, zh, en)
