"""Signals as people write them: versions, checks in place, a replay of last month, release by a second person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field, StringConstraints
from sqlalchemy import Connection

from jiehuan.api.access import Store
from jiehuan.api.alerts import RuleRecordOut, records
from jiehuan.api.clock import moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Id, ProblemOut, Record, Remark, Share, instant
from jiehuan.api.writes import Write
from jiehuan.store.audit.personal import personal_data
from jiehuan.units.days import CHINA
from jiehuan.units.errors import InputError, Problem, Refused

router = APIRouter(prefix="/api/signals", tags=["signals"])

Text = Annotated[
    str,
    StringConstraints(
        max_length=200_000, pattern=r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f]*$", strip_whitespace=False
    ),
]


class SignalVersionRow(Record):
    """A version. ``standing``: draft, refused, in_force, waiting (for its moment) or past; ``shipped`` comes with the program."""

    version: str
    standing: str
    remark: str
    author: str
    created_at: datetime | None
    approved_by: str | None
    approved_at: datetime | None
    effective_at: datetime | None


class SignalList(Record):
    """All versions, newest first, and how often each signal was right."""

    in_force: str
    versions: list[SignalVersionRow]
    records: list[RuleRecordOut]


class SignalRule(Record):
    """A rule as it was declared."""

    name: str
    on: list[str]
    when: str
    severity: str
    cooldown_seconds: int
    group: str
    zh: str
    en: str


class SignalVersionOut(SignalVersionRow):
    """A version with its text, and what it declares."""

    body: str
    streams: list[str]
    features: list[str]
    rules: list[SignalRule]


class SignalFault(Record):
    """What is wrong, and on which line (from 1) of the text."""

    line: int
    problem: ProblemOut


class SignalText(Body):
    """A declaration in YAML."""

    body: Text


class SignalsChecked(Record):
    """What a check found; without faults, what the text declares. ``same_as_live``: it would raise the same alerts."""

    faults: list[SignalFault]
    streams: list[str]
    features: list[str]
    rules: list[SignalRule]
    same_as_live: bool


class PreviewAsked(SignalText):
    """Which days are replayed: the last ``days`` up to that of the last event."""

    days: int = Field(30, ge=1, le=180)


class DayCount(Record):
    """Alerts on a day."""

    on: date
    count: int


class RuleCount(Record):
    """Alerts of a rule, and how many of them people had found right or wrong."""

    rule: str
    count: int


class SignalSide(Record):
    """What one version raised."""

    alerts: int
    accounts: int
    confirmed: int
    dismissed: int
    by_day: list[DayCount]
    by_rule: list[RuleCount]


class SignalSample(Record):
    """An alert of the replay; ``is_new``: the signals in force did not raise it."""

    alert_id: str
    account_id: str
    at: datetime
    rule: str
    severity: str
    evidence: dict[str, Any]
    is_new: bool


class SignalsPreview(Record):
    """The replay of the text (``new``) beside that of the signals in force (``live``)."""

    first: date
    last: date
    events: int
    accounts: int
    share: Share
    new: SignalSide
    live: SignalSide
    only_new: int
    only_live: int
    lost_confirmed: int
    lost_dismissed: int
    samples: list[SignalSample]
    unknown_kinds: dict[str, int]


class SaveSignals(SignalText):
    """A text to keep as a draft, and what it is for."""

    remark: Remark = ""


class ApproveSignals(Body):
    """From when the draft holds; left out: from now on."""

    effective_at: datetime | None = None


@router.get("")
def list_signals(database: Store) -> SignalList:
    """The versions of the signals, and the feedback on them."""
    from jiehuan.flow.signals import version_in_force, versions

    with database.connect() as connection:
        now = moment(connection)
        rows = [_version(row) for row in versions(connection, now)]
        return SignalList(in_force=version_in_force(connection, now), versions=rows, records=records(connection))


@router.post("/check")
def check_signals(database: Store, body: SignalText) -> SignalsChecked:
    """What is wrong with a text, line by line. Nothing is kept, so no key is needed."""
    from jiehuan.flow.signals import examine
    from jiehuan.flow.watch import signals_in_force

    declaration, faults = examine(body.body)
    if declaration is None:
        told = [SignalFault(line=one.line, problem=ProblemOut(**one.problem.as_dict())) for one in faults]
        return SignalsChecked(faults=told, streams=[], features=[], rules=[], same_as_live=False)
    with database.connect() as connection:
        live = signals_in_force(connection, moment(connection))
    return SignalsChecked(faults=[], **_declared(declaration), same_as_live=live.version == declaration.version)


@router.post("/preview")
def preview_signals(database: Store, body: PreviewAsked) -> SignalsPreview:
    """What a text would have raised in the last days, beside the signals in force. Nothing is kept, so no key is needed."""
    from jiehuan.flow.signal_preview import last_event, preview
    from jiehuan.flow.signals import examine
    from jiehuan.flow.watch import signals_in_force

    declaration, faults = examine(body.body)
    if declaration is None:
        raise InputError([one.problem for one in faults])
    with database.connect() as connection:
        now = moment(connection)
        live = signals_in_force(connection, now)
        found = preview(connection, declaration, live, last_event(connection, now), body.days)
    return _preview(found)


@router.get("/{version}")
def get_signals(database: Store, version: Annotated[Id, Path()]) -> SignalVersionOut:
    """One version with its text; ``shipped`` and ``in_force`` are names too."""
    with database.connect() as connection:
        return _whole(connection, version)


@router.post("")
def save_signal_draft(write: Write, body: SaveSignals) -> SignalVersionOut:
    """Keep a text as a draft. Refused with every fault when it has one."""
    from jiehuan.flow.signals import save_signals

    def act(connection: Connection) -> SignalVersionOut:
        held = personal_data(body.body)
        if held:
            raise InputError(Problem("body", "", f"holds {' and '.join(held)}", "leave personal data out of it"))
        return _whole(
            connection, save_signals(connection, body.body, body.remark, write.actor.login, moment(connection))
        )

    return write.once(SignalVersionOut, act)


@router.post("/{version}/approve")
def approve_signal_draft(write: Write, version: Annotated[Id, Path()], body: ApproveSignals) -> SignalVersionOut:
    """Release a draft as a second person."""
    from jiehuan.flow.signals import approve_signals

    def act(connection: Connection) -> SignalVersionOut:
        _whole(connection, version)
        since = body.effective_at
        if since is not None and since.tzinfo is None:
            since = since.replace(tzinfo=CHINA)
        approve_signals(connection, version, since, write.actor.login, moment(connection))
        return _whole(connection, version)

    return write.once(SignalVersionOut, act)


@router.post("/{version}/refuse")
def refuse_signal_draft(write: Write, version: Annotated[Id, Path()]) -> SignalVersionOut:
    """Put a draft away."""
    from jiehuan.flow.signals import refuse_signals

    def act(connection: Connection) -> SignalVersionOut:
        _whole(connection, version)
        refuse_signals(connection, version, write.actor.login, moment(connection))
        return _whole(connection, version)

    return write.once(SignalVersionOut, act)


def _whole(connection: Connection, version: str) -> SignalVersionOut:
    from jiehuan.flow.signals import examine, version_in_force, versions

    now = moment(connection)
    wanted = version_in_force(connection, now) if version == "in_force" else version
    row = next((one for one in versions(connection, now) if one["version"] == wanted), None)
    if row is None:
        raise NotFound(Problem("version", version, "no such version", "look in GET /api/signals"))
    declaration, faults = examine(row["body"])
    if declaration is None:
        raise Refused([one.problem for one in faults])
    return SignalVersionOut(**_version(row).model_dump(), body=row["body"], **_declared(declaration))


def _version(row: dict[str, Any]) -> SignalVersionRow:
    said = {
        name: instant(row[name]) if isinstance(row[name], datetime) else row[name]
        for name in SignalVersionRow.model_fields
    }
    return SignalVersionRow.model_validate(said)


def _declared(declaration: Any) -> dict[str, Any]:
    from jiehuan.flow.signals import names_of

    names = names_of(declaration)
    rules = [
        SignalRule(
            name=rule.name, on=list(rule.on), when=rule.when, severity=rule.severity, cooldown_seconds=rule.cooldown, group=rule.group,
            zh=rule.zh, en=rule.en,
        )
        for rule in declaration.rules
    ]  # fmt: skip
    return {"streams": list(names["streams"]), "features": list(names["features"]), "rules": rules}


def _preview(found: Any) -> SignalsPreview:
    def side(one: Any) -> SignalSide:
        return SignalSide(
            alerts=one.alerts, accounts=one.accounts, confirmed=one.confirmed, dismissed=one.dismissed,
            by_day=[DayCount(on=on, count=count) for on, count in one.by_day.items()],
            by_rule=[RuleCount(rule=rule, count=count) for rule, count in one.by_rule.items()],
        )  # fmt: skip

    samples = [
        SignalSample(
            alert_id=one.alert_id, account_id=one.account_id, at=one.at, rule=one.rule, severity=one.severity, evidence=dict(one.evidence),
            is_new=one.alert_id in found.fresh,
        )
        for one in found.samples
    ]  # fmt: skip
    return SignalsPreview(
        first=found.first, last=found.last, events=found.events, accounts=found.accounts, share=f"{found.share:.6f}", new=side(found.new),
        live=side(found.live), only_new=found.only_new, only_live=found.only_live, lost_confirmed=found.lost_confirmed,
        lost_dismissed=found.lost_dismissed, samples=samples, unknown_kinds=found.unknown_kinds,
    )  # fmt: skip
