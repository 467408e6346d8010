"""The queue of line reviews: proposals to decide, the notice each would send, how prices and proposals spread, other parameters tried."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import ARRAY, Connection, Numeric, cast, func, select

from jiehuan.api.access import Store
from jiehuan.api.clock import act_day, moment
from jiehuan.api.errors import NotFound
from jiehuan.api.shapes import Body, Facts, Id, ProblemOut, Rate, Record, Share, Words, Yuan, yuan
from jiehuan.api.writes import Write
from jiehuan.store.tables import credit_line, line_change, line_notice, line_review
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.rates import format_rate

router = APIRouter(prefix="/api/line-queue", tags=["line queue"])

EDGES = (-1.0, -0.5, -0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.5)
"""Lower edges of the bars: the change of a limit as a share of it."""

MOST_LINES = 5_000
"""Lines that one answer reviews for a look; of a larger book a part chosen by a hash stands for all."""


class SpreadBar(Record):
    """Proposed changes of limits between ``low`` and the next bar's, as shares of the old limit."""

    low: Share
    raised: int
    lowered: int


class GradePricesOut(Record):
    """The prices of new draws in one grade of risk: those below the grade's are on their way up in steps."""

    to_pd: Share
    rate: Rate
    lines: int
    low: Rate
    high: Rate
    rising: int
    closed: int


class QueueSummary(Record):
    """The queue at a glance. ``month``: reviews of the book's month, by what they wanted; expected profit is of one year."""

    on: date
    waiting: int
    by_status: dict[str, int]
    reviews: int
    held_out: int
    raises: int
    lowers: int
    holds: int
    expected_gain: Yuan
    spread: list[SpreadBar]
    prices: list[GradePricesOut]
    unfair: list[ProblemOut]
    prices_of: Share = Field(description="The part of all lines that prices were looked at in.")
    params_version: str
    notices: dict[str, int]


class NoticeText(Record):
    """A notice in one language."""

    subject: str
    text: str


class NoticeOut(Record):
    """The notice of a change in both languages, and what became of it: none (yet), waiting, sent, failed, unreachable."""

    change_id: str
    kind: str
    since: date
    zh: NoticeText
    en: NoticeText
    status: str
    language: str | None
    sent_at: datetime | None
    detail: str


class DecideChanges(Body):
    """A person's yes or no to proposals, one or many."""

    change_ids: list[Id] = Field(min_length=1, max_length=200)
    approve: bool


class Decided(Record):
    """How many were decided, and what stood against the others."""

    done: int
    refused: list[ProblemOut]


class ParamsOut(Record):
    """The parameters in force, as ``params.yaml`` writes them."""

    version: str
    params: dict[str, Any]


class TryParams(Body):
    """Parameters to try: those named replace the ones in force. ``months``: how long an outcome is watched."""

    params: Facts
    months: int = Field(3, ge=1, le=24)


class EstimateOut(Record):
    """The mean outcome of a decision in yuan and its 95 % interval; ``gain`` against the logged decisions."""

    method: str
    n: int
    value: Yuan
    low: Yuan
    high: Yuan
    logged: Yuan
    gain: Yuan
    gain_low: Yuan
    gain_high: Yuan
    effective_n: int
    unsupported: Share


class WouldDo(Record):
    """What parameters would do with today's lines."""

    raises: int
    lowers: int
    holds: int
    limits_change: Yuan
    expected_gain: Yuan


class Tried(Record):
    """Other parameters beside those in force: today's proposals, and the estimate from the own log (empty while it is too young)."""

    version: str
    now: WouldDo
    then: WouldDo
    estimates: list[EstimateOut]
    warnings: list[Words]
    reviews: int
    sampled: Share
    why_not: str


@router.get("")
def line_queue(database: Store) -> QueueSummary:
    """What waits, what the month's reviews wanted, and whether prices differ without a reason."""
    from jiehuan.flow.adjust import reviewed
    from jiehuan.flow.line_accounts import params_in_force
    from jiehuan.line.fairness import grade_prices

    with database.connect() as connection:
        on = act_day(connection)
        params = params_in_force(connection)
        latest = connection.execute(
            select(func.max(line_review.c.on)).where(line_review.c.on <= on)
        ).scalar_one_or_none()
        since = (latest or on).replace(day=1)
        moved = _moved(connection, since)
        spread = _spread(connection, since)
        statuses = connection.execute(select(line_change.c.status, func.count()).group_by(line_change.c.status)).all()
        notices = connection.execute(select(line_notice.c.status, func.count()).group_by(line_notice.c.status)).all()
        ids, share = _sample(connection)
        prices, unfair = grade_prices(reviewed(connection, on, ids, params), params)
    by_status = {status: count for status, count in statuses}  # noqa: C416 - a result is no mapping
    return QueueSummary(
        on=on, waiting=by_status.get("proposed", 0), by_status=by_status, **moved, spread=spread,
        prices=[
            GradePricesOut(
                to_pd=f"{one.to_pd:.6f}", rate=format_rate(one.rate_ppm), lines=one.lines, low=format_rate(one.low_ppm),
                high=format_rate(one.high_ppm), rising=one.rising, closed=one.closed,
            )
            for one in prices
        ],
        unfair=[ProblemOut(**problem.as_dict()) for problem in unfair[:20]], params_version=params.version, prices_of=f"{share:.6f}",
        notices={status: count for status, count in notices},  # noqa: C416
    )  # fmt: skip


@router.get("/params")
def line_params(database: Store) -> ParamsOut:
    """The parameters of reviews that are in force."""
    from jiehuan.flow.line_accounts import params_in_force

    with database.connect() as connection:
        params = params_in_force(connection)
    return ParamsOut(version=params.version, params=params.as_document())


@router.post("/try")
def try_line_params(database: Store, body: TryParams) -> Tried:
    """What other parameters would do today, and would have brought by the own log. Nothing is kept, so no key is needed."""
    from jiehuan.flow.adjust import reviewed
    from jiehuan.flow.lender import lender_of
    from jiehuan.flow.line_accounts import params_in_force
    from jiehuan.flow.outcomes import WHOLE, line_log
    from jiehuan.line import evaluate, read_params

    with database.connect() as connection:
        on = act_day(connection)
        present = params_in_force(connection)
        other = read_params({**present.as_document(), **body.params}, "params")
        ids, share = _sample(connection)
        now, then = (_would(reviewed(connection, on, ids, params)) for params in (present, other))
        part = max(1, int(WHOLE * share))
        log = line_log(connection, body.months, on, present.funding_rate + present.cost_rate, part)
        lender_type = lender_of(connection)["lender_type"]
    estimates: list[Any] = []
    why_not = ""
    try:
        estimates, _ = evaluate(log, other, lender_type, "own log")
    except InputError as error:
        why_not = "; ".join(problem.reason for problem in error.problems[:3])
    return Tried(
        version=other.version, now=now, then=then, reviews=len(log), why_not=why_not, sampled=f"{share:.6f}",
        warnings=[Words(**warning) for warning in (estimates[0].warnings if estimates else ())],
        estimates=[
            EstimateOut(
                method=one.method, n=one.n, effective_n=round(one.effective_n), unsupported=f"{one.unsupported:.6f}",
                **{name: _yuan(getattr(one, name)) for name in ("value", "low", "high", "logged", "gain", "gain_low", "gain_high")},
            )
            for one in estimates
        ],
    )  # fmt: skip


@router.get("/{change_id}/notice")
def line_notice_of(database: Store, change_id: Annotated[Id, Path()]) -> NoticeOut:
    """The notice of a change: as it was kept, or as it would be sent."""
    from jiehuan.flow.line_changes import day_of, kind_of, notice_of

    with database.connect() as connection:
        row = (
            connection.execute(select(line_change).where(line_change.c.change_id == change_id)).mappings().one_or_none()
        )
        if row is None:
            raise NotFound(Problem("change_id", change_id, "no such change", "look in GET /api/lines"))
        change = dict(row)
        if kind_of(change) == "held":
            raise Refused(
                Problem("change", change_id, "is held out: nothing changes, so nobody is told", "take another")
            )
        kept = connection.execute(select(line_notice).where(line_notice.c.change_id == change_id)).one_or_none()
        told: dict[str, NoticeText] = {}
        for language in ("zh", "en"):
            made: Any = (
                kept if kept is not None and kept.language == language else notice_of(connection, change, language)
            )
            told[language] = NoticeText(subject=made.subject, text=made.text)
    return NoticeOut(
        change_id=change_id, kind=kind_of(change), since=day_of(change), zh=told["zh"], en=told["en"],
        status=kept.status if kept else "none", language=kept.language if kept else None, sent_at=kept.sent_at if kept else None,
        detail=kept.detail if kept and kept.status != "sent" else "",
    )  # fmt: skip


@router.post("/decide")
def decide_line_changes(write: Write, body: DecideChanges) -> Decided:
    """Approve or refuse proposals. One that cannot be decided any more does not hold up the others."""
    from jiehuan.flow.line_changes import decide_change

    def act(connection: Connection) -> Decided:
        done = 0
        refused: list[ProblemOut] = []
        now = moment(connection)
        for change_id in dict.fromkeys(body.change_ids):
            try:
                decide_change(connection, change_id, body.approve, write.actor.login, now)
                done += 1
            except Refused as error:
                refused.extend(ProblemOut(**problem.as_dict()) for problem in error.problems)
        return Decided(done=done, refused=refused)

    return write.once(Decided, act)


def _way(old: int, new: int) -> int:
    return (new > old) - (new < old)


def _moved(connection: Connection, since: date) -> dict[str, Any]:
    """The reviews since a day, counted by what they wanted, and the year's profit that they expect."""
    way = func.sign(line_review.c.proposed_limit_fen - line_review.c.old_limit_fen)
    rows = connection.execute(
        select(
            way.label("way"), func.count().label("reviews"), func.count().filter(line_review.c.arm == "holdout").label("held"),
            func.sum(line_review.c.profit_after_fen - line_review.c.profit_before_fen).label("gain"),
        )
        .where(line_review.c.on >= since)
        .group_by(way)
    ).all()  # fmt: skip
    by_way = {int(row.way): int(row.reviews) for row in rows}
    return {
        "reviews": sum(by_way.values()), "held_out": sum(int(row.held) for row in rows), "raises": by_way.get(1, 0),
        "lowers": by_way.get(-1, 0), "holds": by_way.get(0, 0), "expected_gain": yuan(sum(int(row.gain) for row in rows)) or "0.00",
    }  # fmt: skip


def _spread(connection: Connection, since: date) -> list[SpreadBar]:
    old, proposed = line_review.c.old_limit_fen, line_review.c.proposed_limit_fen
    share = proposed * 1.0 / old - 1.0
    bar = func.width_bucket(share, cast(list(EDGES[1:]), ARRAY(Numeric))).label("bar")
    rows = connection.execute(
        select(bar, func.count().filter(proposed > old).label("up"), func.count().filter(proposed < old).label("down"))
        .where(line_review.c.on >= since, old > 0, proposed != old)
        .group_by(bar)
    )
    found = {row.bar: (row.up, row.down) for row in rows}
    bars = [found.get(n, (0, 0)) for n in range(len(EDGES))]
    return [SpreadBar(low=f"{edge:.6f}", raised=up, lowered=down) for edge, (up, down) in zip(EDGES, bars, strict=True)]


def _sample(connection: Connection) -> tuple[list[str] | None, float]:
    """Borrowers whose lines are looked at now: all, or of a large book a part chosen by a hash; and the part."""
    from jiehuan.flow.outcomes import WHOLE, in_part

    lines = connection.execute(select(func.count()).select_from(credit_line)).scalar_one()
    if lines <= MOST_LINES:
        return None, 1.0
    part = max(1, WHOLE * MOST_LINES // lines)
    ids = connection.execute(
        select(credit_line.c.borrower_id).where(in_part(credit_line.c.borrower_id, part))
    ).scalars()
    return list(ids), part / WHOLE


def _would(pairs: Any) -> WouldDo:
    moved = Counter(_way(d.old_limit_fen, d.proposed_limit_fen) for _, d in pairs)
    return WouldDo(
        raises=moved[1], lowers=moved[-1], holds=moved[0],
        limits_change=yuan(sum(d.proposed_limit_fen - d.old_limit_fen for _, d in pairs)) or "0.00",
        expected_gain=yuan(sum(d.profit_after_fen - d.profit_before_fen for _, d in pairs)) or "0.00",
    )  # fmt: skip


def _yuan(fen: float) -> str:
    return yuan(round(fen)) or "0.00"
