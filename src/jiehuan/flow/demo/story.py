"""The demo's story in words and figures: what came in, what was decided and why, what fell overdue, what was done, what it brought."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from jiehuan.flow.demo.run import START, Demo
from jiehuan.store import tables
from jiehuan.units.money import format_yuan

Chapter = tuple[str, list[str]]


def story(connection: Connection, demo: Demo, imported: Mapping[str, Any], ran: Mapping[str, Any]) -> list[Chapter]:
    """The chapters: a title and its sentences."""
    counts, money = demo.counts, demo.money
    first, learned = ran["first_model"], ran["learned"]
    figures = ran["report"]["figures"]
    begin, end = _row(figures, START), _row(figures, ran["on"])
    sale = ran["sale"]
    return [
        ("What came in 进件", [
            f"{imported['kept']['loans']} loans and {imported['kept']['events']} repayments of history were imported; "
            f"{imported['refused_rows']} rows were refused with their reasons, and no good row was lost to them.",
            f"{counts.get('applications', 0)} people applied since {START}.",
        ]),
        ("What was decided and why 审批", [
            f"A first scorecard was fitted on {first['rows'] - first['holdout_rows']} loans of the history "
            f"({first['events']} of all went bad) and judged on {first['holdout_rows']} newer ones: {_judged(first['holdout'])}.",
            f"{counts.get('approve', 0)} were approved at once, {counts.get('review', 0)} went to a person, "
            f"{counts.get('refuse', 0)} were refused.",
            *_reasons(connection),
            f"{counts.get('loans', 0)} loans were signed and paid out: {format_yuan(money.get('lent', 0))} yuan.",
        ]),
        ("What fell overdue 逾期", [
            f"{counts.get('repayments', 0)} repayments brought {format_yuan(money.get('repaid', 0))} yuan.",
            f"Overdue balance: {_percent(begin, 'overdue_balance_ratio')} at the start, {_percent(end, 'overdue_balance_ratio')} "
            f"on {ran['on']}; NPL (five-class) {_percent(begin, 'npl_ratio')} to {_percent(end, 'npl_ratio')}.",
            *_cohorts(connection),
        ]),
        ("What was done 处置", [
            f"{counts.get('events', 0)} account events raised {counts.get('alerts', 0)} alerts, of which people "
            f"made {counts.get('warning cases', 0)} cases; "
            f"{counts.get('line changes', 0)} line reviews changed a limit or a price, or were held out; a person approved "
            f"{counts.get('line changes approved', 0)} and refused {counts.get('line changes refused', 0)}, and "
            f"{counts.get('line notices', 0)} notices went to borrowers.",
            f"{counts.get('messages sent', 0)} messages went out, {counts.get('calls', 0)} calls and {counts.get('letters', 0)} "
            f"letters were worked; {counts.get('messages blocked', 0)} contacts were stopped by the contact rules.",
            f"{counts.get('cases', 0)} cases were opened with pleading, fee and dates; {counts.get('dates met', 0)} dates were met.",
            f"{counts.get('valued', 0)} valuations; {counts.get('restructure', 0)} loans restructured, "
            f"{counts.get('writeoff', 0)} written off"
            + (f", {sale['sold']} sold for {sale['value']} yuan." if sale else "."),
        ]),
        ("What it brought 成效", [
            f"{format_yuan(money.get('collected', 0))} yuan came from people who were late.",
            *_arms(connection),
            *_causes(figures),
            f"Learning on own outcomes: {_judged(learned['holdout'])} on the newest {learned['holdout_rows']} loans, "
            + (f"against {_judged(learned['champion'])} of the model in force: " if learned["champion"] else "")
            + ("promoted." if learned["promoted"] else "kept as challenger."),
        ]),
    ]  # fmt: skip


def _row(figures: Mapping[str, Any], on: date) -> Mapping[str, Any]:
    """The last row of the monthly series up to a day."""
    rows = [row for row in figures["series"] if str(row["on"]) <= on.isoformat()]
    return rows[-1] if rows else {}


def _percent(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return "none" if value is None else f"{100 * float(value):.2f} %"


def _judged(metrics: Mapping[str, Any]) -> str:
    return f"AUC {metrics['auc']:.3f}, KS {metrics['ks']:.3f}"


def _reasons(connection: Connection) -> list[str]:
    """The commonest reasons of refusals, in both languages."""
    rows = connection.execute(
        select(tables.decision.c.reasons).where(tables.decision.c.outcome == "refuse")
    ).scalars()
    tally: dict[str, int] = {}
    for reasons in rows:
        said = next((reason for reason in reasons if reason.get("source") != "score" and reason.get("code") != "reviewed"), None)
        if said:
            text = f"{said['en']} ({said['zh']})"
            tally[text] = tally.get(text, 0) + 1
    ranked = sorted(tally.items(), key=lambda item: -item[1])[:3]
    return [f"Refused because: {text}: {count}." for text, count in ranked]


def _cohorts(connection: Connection) -> list[str]:
    """The old loans beside the new ones: what admission did, on the count of loans ever over 30 days late."""
    late = (
        select(tables.book_snapshot.c.loan_id).where(tables.book_snapshot.c.dpd > 30).distinct().subquery()
    )
    rows = connection.execute(
        select(tables.loan.c.source, func.count(), func.count(late.c.loan_id))
        .outerjoin(late, late.c.loan_id == tables.loan.c.loan_id)
        .group_by(tables.loan.c.source)
        .order_by(tables.loan.c.source)
    ).all()
    names = {"import": "of the imported loans", "api": "of the loans decided here"}
    return [
        f"Ever more than 30 days late: {bad} of {all_} ({bad / all_:.1%}) {names.get(source, source)}"
        + (" (younger loans: not yet comparable)." if source == "api" else ".")
        for source, all_, bad in rows
    ]


def _arms(connection: Connection) -> list[str]:
    """The holdout beside the treated: the share of planned debtors who paid within ten days. An answer, with its size."""
    paid = (
        select(tables.work_item.c.item_id)
        .join(tables.loan_event, tables.loan_event.c.loan_id == tables.work_item.c.loan_id)
        .where(
            tables.loan_event.c.kind == "repayment",
            tables.loan_event.c.effective_on >= func.date(tables.work_item.c.at),
            tables.loan_event.c.effective_on <= func.date(tables.work_item.c.at) + 10,
        )
        .distinct()
        .subquery()
    )
    rows = connection.execute(
        select(tables.work_item.c.arm, func.count(), func.count(paid.c.item_id))
        .outerjoin(paid, paid.c.item_id == tables.work_item.c.item_id)
        .group_by(tables.work_item.c.arm)
    ).all()
    found = {arm: (all_, hits) for arm, all_, hits in rows}
    if not {"treated", "holdout"} <= set(found):
        return []
    (treated, hits), (held, held_hits) = found["treated"], found["holdout"]
    a, b = hits / treated, held_hits / held
    error = 1.96 * (a * (1 - a) / treated + b * (1 - b) / held) ** 0.5
    return [
        f"Paid within ten days: {a:.1%} of {treated} treated, {b:.1%} of {held} held out at random: "
        f"{100 * (a - b):+.1f} points (95 %: ±{100 * error:.1f}; the same debtors recur, so the true interval is wider)."
    ]


def _causes(figures: Mapping[str, Any]) -> list[str]:
    causes = (figures.get("decomposition") or {}).get("causes", [])
    told = [f"{cause['en']} {100 * cause['effect']:+.2f}" for cause in causes if abs(cause["effect"]) >= 0.0005]
    return [f"Last month's change of the NPL ratio, in points: {', '.join(told)}."] if told else []
