"""Months of business of a small lender, through the same flows that serve real ones; only the people are simulated.

Time goes in steps of about ten days. In each: people apply and are decided, money is paid back or not, day end runs, alerts
are raised, lines adjusted, contacts planned and made, and each month the worst debts go to court or are disposed of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, select

from jiehuan.flow.adjust import adjust_month
from jiehuan.flow.alert_cases import close_case, open_case
from jiehuan.flow.apply import apply
from jiehuan.flow.collect import collect, record_outcome, send
from jiehuan.flow.day_end import day_end
from jiehuan.flow.decide import decide, review
from jiehuan.flow.demo.people import Crowd, account_events, application_of, payment_at_due, payment_when_late
from jiehuan.flow.disburse import disburse
from jiehuan.flow.dispose import carry_out, dispose, sale_tape, sold
from jiehuan.flow.gateway import Mailer
from jiehuan.flow.learn import learn
from jiehuan.flow.line_changes import decide_change, put_in_force, send_notices
from jiehuan.flow.litigate import file_case, litigate, meet_deadline
from jiehuan.flow.repay import repay
from jiehuan.flow.report import report
from jiehuan.flow.respond import respond
from jiehuan.flow.servicing import load_loans
from jiehuan.flow.sign import sign
from jiehuan.flow.watch import Watcher, judge_alert, judged_by
from jiehuan.loan import make_schedule
from jiehuan.store import tables
from jiehuan.store.database import Database
from jiehuan.store.seal import seal_journal
from jiehuan.store.vault import Vault
from jiehuan.units.days import CHINA, add_months
from jiehuan.units.errors import Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.money import parse_yuan
from jiehuan.watch import Alert

START = date(2025, 12, 1)
LENDER_TYPE = "consumer_finance_company"
A_MONTH = 45
Say = Callable[[str], None]


@dataclass
class Demo:
    """A demo under way: the lender's database, its people, and what has been counted so far."""

    database: Database
    vault: Vault
    crowd: Crowd
    mailer: Mailer
    say: Say
    watcher: Watcher = field(default_factory=Watcher)
    counts: dict[str, int] = field(default_factory=dict)
    money: dict[str, int] = field(default_factory=dict)
    newcomers: int = 0
    coming: dict[date, list[tuple[str, int]]] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count of the story."""
        self.counts[what] = self.counts.get(what, 0) + number

    def paid(self, what: str, fen: int) -> None:
        """Add to a sum of the story."""
        self.money[what] = self.money.get(what, 0) + fen


def run_demo(demo: Demo, months: int, on_month: Callable[[date], None]) -> dict[str, Any]:
    """Run ``months`` months of business and close with report and learning; the ids of what was made."""
    with demo.database.begin() as connection:
        first = learn(connection, _at(START - timedelta(days=1)))
    for month in range(months):
        begin = add_months(START, month)
        for first_day, last_day in steps(begin):
            step(demo, first_day, last_day)
        end = add_months(begin, 1) - timedelta(days=1)
        month_close(demo, end)
        on_month(end)
    last = add_months(START, months) - timedelta(days=1)
    sale = sell_worst(demo, last)
    with demo.database.begin() as connection:
        made = report(connection, last)
        learned = learn(connection, _at(last))
    return {"first_model": first, "report": made, "learned": learned, "sale": sale, "on": last}


def steps(begin: date) -> list[tuple[date, date]]:
    """A month as three spans: to the 10th, to the 20th, to its end."""
    end = add_months(begin, 1) - timedelta(days=1)
    tenth, twentieth = begin.replace(day=10), begin.replace(day=20)
    return [(begin, tenth), (tenth + timedelta(days=1), twentieth), (twentieth + timedelta(days=1), end)]


def step(demo: Demo, first: date, last: date) -> None:
    """One span of days."""
    admit(demo, first, last)
    fall_due(demo, first, last)
    take_payments(demo, first, last)
    with demo.database.begin() as connection:
        day_end(connection, last)
    seal_journal(demo.database, last)
    observe(demo, first, last)
    treat(demo, last + timedelta(days=1))


def admit(demo: Demo, first: date, last: date) -> None:
    """People apply, are decided, sign and get their money; a person decides what the policy sent to review."""
    days = (last - first).days + 1
    for place in range(A_MONTH // 3):
        on = first + timedelta(days=place * days // (A_MONTH // 3))
        at = datetime.combine(on, time(9 + place % 11, place * 7 % 60), CHINA)
        person = demo.crowd.newcomer(demo.newcomers, on)
        demo.newcomers += 1
        with demo.database.begin() as connection:
            application_id = apply(connection, demo.vault, application_of(person, on, LENDER_TYPE), at)
            borrower_id = connection.execute(
                select(tables.application.c.borrower_id).where(tables.application.c.application_id == application_id)
            ).scalar_one()
            demo.crowd.settle_in(borrower_id, person)
            decided = decide(connection, application_id, at)
            demo.count("applications")
            demo.count(decided["outcome"])
            outcome = decided["outcome"]
            if outcome == "review":
                clear = (decided["affordability"] or {}).get("verified", True) and float(decided["pd"] or 1) < 0.27
                why = "cash flow verified" if clear else "risk too high for this cash flow"
                approve = bool(clear and decided["offers"])
                review(connection, application_id, approve, why, "risk", at + timedelta(hours=2))
                outcome = "approve" if approve else "refuse"
            if outcome != "approve":
                continue
            try:
                sign(connection, demo.vault, application_id, at + timedelta(hours=3))
                loan_id = disburse(connection, application_id)
            except Refused as error:
                demo.count("refused by law")
                demo.say(f"  {application_id}: {error}")
                continue
        demo.count("loans")
        demo.paid("lent", _principal(demo, loan_id))


def fall_due(demo: Demo, first: date, last: date) -> None:
    """For each instalment due in the span the borrower pays, pays late, pays part, or does not."""
    with demo.database.connect() as connection:
        rows = connection.execute(
            select(tables.loan_state.c.loan_id).where(
                tables.loan_state.c.status == "active",
                tables.loan_state.c.next_due.between(first, last),
            )
        ).scalars()
        loans = list(load_loans(connection, rows.all()))
    events = []
    for held in loans:
        for line in make_schedule(held.terms).instalments:
            if not first <= line.due <= last:
                continue
            borrower = held.row["borrower_id"]
            answer = payment_at_due(demo.crowd, held.row, line.due, line.total_fen)
            if answer is not None:
                demo.coming.setdefault(answer[0], []).append((held.loan_id, answer[1]))
            if answer is None or answer[0] > line.due or answer[1] < line.total_fen:
                kind = "partial_payment" if answer and answer[1] < line.total_fen else "debit_failed"
                at = datetime.combine(line.due, time(21), CHINA)
                events.append({
                    "event_id": derived_id("se", held.loan_id, line.due), "account_id": borrower, "at": at.isoformat(),
                    "kind": kind, "amount_fen": line.total_fen, "counterparty": "", "channel": "debit",
                })  # fmt: skip
    if events:
        with demo.database.begin() as connection:
            demo.watcher.use(*judged_by(connection, _at(last)))
            told = demo.watcher.watch(connection, events, _at(last))
            demo.count("line changes", respond(connection, [alert.alert_id for alert in told.alerts]).changes)
        demo.count("alerts", len(told.alerts))


def take_payments(demo: Demo, first: date, last: date) -> None:
    """What people had decided to pay arrives."""
    for day in sorted(day for day in demo.coming if day <= last):
        for n, (loan_id, amount) in enumerate(demo.coming.pop(day)):
            pay(demo, loan_id, amount, max(day, first), f"{loan_id}/{day}/{n}", "debit")


def pay(demo: Demo, loan_id: str, amount: int, on: date, key: str, source: str) -> bool:
    """One repayment; False when the loan takes none any more."""
    try:
        with demo.database.begin() as connection:
            repay(connection, loan_id, amount, on, f"demo/{key}", source)
    except Refused:
        return False
    demo.count("repayments")
    demo.paid("repaid", amount)
    return True


def observe(demo: Demo, first: date, last: date) -> None:
    """Account events are watched; alerts and the month's end review lines; one alert in three is judged by a person:
    right when the borrower is behind."""
    with demo.database.connect() as connection:
        borrowers = connection.execute(
            select(tables.loan.c.borrower_id)
            .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
            .where(tables.loan_state.c.status == "active", tables.loan.c.source != "import")
            .distinct()
            .order_by(tables.loan.c.borrower_id)
        ).scalars()
        events = [event for borrower in borrowers.all() for event in account_events(demo.crowd, borrower, first, last)]
    with demo.database.begin() as connection:
        demo.watcher.use(*judged_by(connection, _at(last)))
        told = demo.watcher.watch(connection, events, _at(last))
        demo.count("events", told.taken)
        demo.count("alerts", len(told.alerts))
        late = _late(connection)
        for alert in told.alerts[::3]:
            verdict = "confirmed" if alert.account_id in late else "dismissed"
            judge_alert(connection, alert.alert_id, verdict, "risk", alert.at + timedelta(hours=12))
        follow_up(demo, connection, told.alerts, late, last)
        demo.count("line changes", respond(connection, [alert.alert_id for alert in told.alerts]).changes)
        if (last + timedelta(days=1)).day == 1:
            demo.count("line changes", len(adjust_month(connection, last) or []))
        put_in_force(connection, last)
        decide_proposals(demo, connection, last)


def follow_up(demo: Demo, connection: Connection, alerts: Sequence[Alert], late: set[str], on: date) -> None:
    """A person makes cases of some alerts, and closes those that are three weeks old: right when the borrower is behind."""
    at = datetime.combine(on, time(16), CHINA)
    for alert in alerts[::7]:
        open_case(connection, [alert.alert_id], "risk", at)
        demo.count("warning cases")
    old = connection.execute(
        select(tables.alert_case.c.case_id, tables.alert_case.c.account_id)
        .where(tables.alert_case.c.status == "open", tables.alert_case.c.opened_at <= at - timedelta(days=21))
        .order_by(tables.alert_case.c.opened_at)
    ).all()
    for case in old:
        behind = case.account_id in late
        close_case(connection, case.case_id, "confirmed" if behind else "dismissed", "contact" if behind else "none", "", "risk", at)


def decide_proposals(demo: Demo, connection: Connection, on: date) -> None:
    """A person says yes to what has waited ten days: raises of those who are still not late; the rest is refused."""
    late = _late(connection)
    waiting = connection.execute(
        select(tables.line_change.c.change_id, tables.line_change.c.borrower_id)
        .where(tables.line_change.c.status == "proposed", tables.line_change.c.on <= on - timedelta(days=10))
        .order_by(tables.line_change.c.change_id)
    ).all()
    for row in waiting:
        approve = row.borrower_id not in late
        decide_change(connection, row.change_id, approve, "risk", datetime.combine(on, time(15), CHINA))
        demo.count("line changes approved" if approve else "line changes refused")


def treat(demo: Demo, on: date) -> None:
    """The day's plan: machine contacts are sent, collectors call, and some who were contacted pay."""
    morning, evening = datetime.combine(on, time(8, 30), CHINA), datetime.combine(on, time(20), CHINA)
    with demo.database.begin() as connection:
        plan_id, _ = collect(connection, morning)
        sent = send(connection, demo.vault, demo.mailer, evening)
        told = send_notices(connection, demo.vault, demo.mailer, evening)
        demo.count("line notices", told["sent"])
        demo.count("messages sent", sent["sent"])
        demo.count("messages blocked", sent["blocked"])
        work_calls(demo, connection, plan_id)
        reached = touched(connection, plan_id)
    for loan_id, borrower_id, owed, contacts in reached:
        amount = payment_when_late(demo.crowd, borrower_id, on, owed, contacts)
        if amount and pay(demo, loan_id, amount, on, f"{loan_id}/{on}/late", "transfer"):
            demo.paid("collected", amount)


def work_calls(demo: Demo, connection: Connection, plan_id: str) -> None:
    """Collectors work through their calls and letters; two in three calls are answered."""
    items = connection.execute(
        select(tables.work_item.c.item_id, tables.work_item.c.at, tables.work_item.c.action)
        .where(
            tables.work_item.c.plan_id == plan_id,
            tables.work_item.c.status == "open",
            tables.work_item.c.action.in_(("call", "letter")),
        )
        .order_by(tables.work_item.c.at)
    ).all()
    for item in items:
        answered = demo.crowd.world.dice("answers", item.item_id).random() < 0.67
        result = "sent" if item.action == "letter" else ("answered" if answered else "unanswered")
        try:
            record_outcome(connection, item.item_id, {"result": result}, "collector", item.at)
            demo.count("calls" if item.action == "call" else "letters")
        except Refused:
            demo.count("messages blocked")


def touched(connection: Connection, plan_id: str) -> list[tuple[str, str, int, list[str]]]:
    """Everyone overdue in the plan, with the contacts they got: (loan, borrower, owed fen, channels)."""
    rows = connection.execute(
        select(
            tables.work_item.c.loan_id, tables.work_item.c.borrower_id, tables.work_item.c.action, tables.work_item.c.status,
            (tables.loan_state.c.overdue_fen + tables.loan_state.c.penalty_due_fen).label("owed"),
        )
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.work_item.c.loan_id)
        .where(tables.work_item.c.plan_id == plan_id, tables.loan_state.c.overdue_fen > 0)
        .order_by(tables.work_item.c.loan_id)
    )  # fmt: skip
    return [
        (row.loan_id, row.borrower_id, row.owed, [row.action] if row.status == "done" and row.action != "none" else [])
        for row in rows
    ]


def month_close(demo: Demo, end: date) -> None:
    """Once a month: cases are opened and filed, what can't be had any more is valued and disposed of."""
    with demo.database.begin() as connection:
        cases, _ = litigate(connection, demo.vault, end, limit=4)
        demo.count("cases", len(cases))
        for case_id in cases[:3]:
            file_case(connection, case_id, end, "legal")
        due = connection.execute(
            select(tables.deadline.c.deadline_id)
            .where(tables.deadline.c.done_on.is_(None), tables.deadline.c.due_on <= end + timedelta(days=7))
            .order_by(tables.deadline.c.due_on)
        ).scalars()
        for deadline_id in due.all():
            meet_deadline(connection, deadline_id, end, "legal")
            demo.count("dates met")
        disposed = dispose(connection, end)
        demo.count("valued", len(disposed))
        proposals = connection.execute(
            select(tables.disposal.c.disposal_id, tables.disposal.c.kind)
            .where(tables.disposal.c.disposal_id.in_(disposed), tables.disposal.c.kind.in_(("restructure", "writeoff")))
            .order_by(tables.disposal.c.disposal_id)
        ).all()
        for proposal in proposals:
            demo.count(carry_out(connection, proposal.disposal_id, end, "risk"))


def sell_worst(demo: Demo, on: date) -> dict[str, Any] | None:
    """At the end the claims proposed for sale are offered on a tape; the price is the middle of the valuation."""
    with demo.database.begin() as connection:
        try:
            made = sale_tape(connection, on, "risk")
        except Refused as error:
            demo.say(f"  no sale: {error}")
            return None
        return {**made, "sold": sold(connection, made["tape_id"], parse_yuan(made["value"]), on, "risk")}


def _late(connection: Connection) -> set[str]:
    """The borrowers who are behind today."""
    found = (
        select(tables.loan.c.borrower_id)
        .join(tables.loan_state, tables.loan_state.c.loan_id == tables.loan.c.loan_id)
        .where(tables.loan_state.c.oldest_due.is_not(None))
    )
    return set(connection.execute(found).scalars())


def _principal(demo: Demo, loan_id: str) -> int:
    with demo.database.connect() as connection:
        found = select(tables.loan.c.principal_fen).where(tables.loan.c.loan_id == loan_id)
        return int(connection.execute(found).scalar_one())


def _at(on: date) -> datetime:
    return datetime.combine(on, time(23), CHINA)
