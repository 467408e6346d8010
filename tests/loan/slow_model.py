"""A second, slow loan: rational numbers, one day after the other, written from the design's text and from docs only.

It shares nothing with the kernel but the terms and events it is given and the calendar of working days. Where the
kernel jumps, it walks; where the kernel keeps running integers, it keeps fractions and looks at everything again each
day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import floor

from jiehuan.units.calendar import next_working_day
from jiehuan.units.days import add_months

DAY = timedelta(days=1)
THRESHOLDS = [("normal", 0), ("special_mention", 1), ("substandard", 91), ("doubtful", 271), ("loss", 361)]
PROVISION = {"normal": "0.01", "special_mention": "0.02", "substandard": "0.25", "doubtful": "0.5", "loss": "1"}
NAMES = [name for name, _ in THRESHOLDS]


class Refusal(Exception):  # noqa: N818
    """An event that does not fit."""


def fen(value: Fraction) -> int:
    """Half up; nothing here is negative."""
    assert value >= 0
    return floor(value + Fraction(1, 2))


@dataclass
class Piece:
    """One thing that falls due on one day."""

    due: date
    pay_by: date
    principal: int
    interest: int
    plan: int
    ordinary: bool = True
    paid: dict = field(default_factory=lambda: {"principal": 0, "interest": 0})
    waived: dict = field(default_factory=lambda: {"principal": 0, "interest": 0})
    level: int = 0

    def open(self, part: str) -> int:
        return getattr(self, part) - self.paid[part] - self.waived[part]

    @property
    def unpaid(self) -> int:
        return self.open("principal") + self.open("interest")


def amounts(balance, rate, count, method, flows=()):
    """(principal, interest of a whole month, planned) of each instalment of a plan of whole months."""
    i = rate / 12
    level = []
    if method == "equal_instalment":
        exact = Fraction(balance, count) if i == 0 else balance * i / (1 - 1 / (1 + i) ** count)
        level = [fen(exact)] * count
    elif method == "equal_principal":
        level = [fen(Fraction(balance, count))] * count
    elif method == "sculpted":
        worth = sum(Fraction(flow) / (1 + i) ** n for n, flow in enumerate(flows, 1))
        level = [fen(balance * flow / worth) for flow in flows]
    else:
        level = [0] * count
    return lay(balance, i, level, method), level


def lay(balance, i, level, method):
    found = []
    for n, planned in enumerate(level):
        interest = fen(balance * i)
        principal = {
            "equal_instalment": max(planned - interest, 0),
            "sculpted": max(planned - interest, 0),
            "equal_principal": planned,
        }.get(method, 0)
        if n == len(level) - 1 or principal > balance:
            principal = balance
        found.append((principal, interest))
        balance -= principal
    return found


class SlowLoan:
    """One loan told day by day up to ``on``; attributes are what a replay answers."""

    def __init__(self, terms, events, on, known_by=None, penalty_cap=None):
        self.terms, self.on, self.known_by, self.penalty_cap = terms, on, known_by or on, penalty_cap
        self.all_events = list(events)
        self.today = terms.drawn_on
        self.due: list[Piece] = []  # fallen due
        self.coming: list[Piece] = []
        self.fees = [(fee.on, fee.amount_fen, fee.kind) for fee in terms.fees]
        self.costs = self.credit = self.penalty_owed = 0
        self.running, self.stated = Fraction(0), 0
        self.extra = 0
        self.written_off = self.accelerated = False
        self.floor, self.observed_from = None, None
        self.cash = -terms.principal_fen
        self.income = self.loss = 0
        self.plan_no = 0
        self.settlements = {}
        self.start_plan(terms.plan, terms.principal_fen)
        self.run()

    # ---- plans

    def pay_by(self, day):
        return next_working_day(day) if self.terms.calendar == "cn" else day

    def start_plan(self, plan, balance):
        self.plan = plan
        self.rate = Fraction(plan.rate_ppm, 10**6)
        uplifted = self.rate * (1 + Fraction(plan.penalty_uplift_ppm, 10**6))
        self.penalty_rate = uplifted if self.penalty_cap is None else min(uplifted, max(self.penalty_cap, self.rate))
        self.period_start = plan.starts_on
        self.extra = 0
        self.running, self.stated = Fraction(0), 0
        default = add_months(plan.starts_on, 1)
        regular = plan.first_due == default
        anchor = plan.starts_on.day if regular else plan.first_due.day
        if plan.method == "bullet":
            due = add_months(plan.first_due, plan.months - 1, anchor)
            interest = fen(balance * self.rate * (due - plan.starts_on).days / 365)
            self.coming = [Piece(due, self.pay_by(due), balance, interest, self.plan_no)]
            return
        rows, level = amounts(balance, self.rate, plan.months, plan.method, plan.cashflow)
        self.coming = []
        left = balance
        for n, (principal, interest) in enumerate(rows):
            due = add_months(plan.first_due, n, anchor)
            if plan.method == "sculpted" and n < len(rows) - 1 and level[n] < interest:
                raise Refusal("thin")
            if n == 0 and not regular:
                interest = fen(left * self.rate * (due - plan.starts_on).days / 365)
            left -= principal
            self.coming.append(Piece(due, self.pay_by(due), principal, interest, self.plan_no, level=level[n]))
        self.first_is_broken = not regular

    @property
    def undue(self):
        return sum(piece.principal for piece in self.coming)

    def accrued(self, principal=None):
        base = self.undue if principal is None else principal
        return fen(base * self.rate * (self.today - self.period_start).days / 365)

    def take_out(self, amount, mode, waived):
        self.extra += self.accrued(amount)
        left = self.undue - amount
        before = self.undue
        taken = Piece(self.today, self.today, amount, 0, self.plan_no, ordinary=False)
        (taken.waived if waived else taken.paid)["principal"] = amount
        self.due.append(taken)
        if left == 0:
            first = self.coming[0]
            first.principal, first.interest = 0, self.extra
            self.coming = [first] if self.extra else []
            return
        method, count = self.plan.method, len(self.coming)
        level = [piece.level for piece in self.coming]
        if mode == "reduce":
            if method == "sculpted":
                level = [fen(Fraction(planned * left, before)) for planned in level]
            else:
                level = amounts(left, self.rate, count, method)[1]
        rows = lay(left, self.rate / 12, level, method)
        for n, piece in enumerate(self.coming):
            piece.principal, piece.interest = rows[n]
            piece.level = level[n]
            if n == 0:
                broken = method == "bullet" or (self.period_start == self.plan.starts_on and self.first_is_broken)
                if broken:
                    piece.interest = fen(left * self.rate * (piece.due - self.period_start).days / 365)
                piece.interest += self.extra
        if mode == "shorten" and method in ("equal_instalment", "equal_principal", "sculpted"):
            while len(self.coming) > 1 and self.coming[-1].principal == 0:
                self.coming.pop()

    # ---- what is owed

    def open(self, part):
        return sum(piece.open(part) for piece in self.due)

    @property
    def penalty(self):
        return self.penalty_owed + fen(self.running) - self.stated

    def owed_now(self):
        return self.costs + self.penalty + self.open("interest") + self.open("principal")

    def over(self):
        return not self.coming and self.owed_now() == 0

    def state_penalty(self):
        now = fen(self.running)
        self.income += now - self.stated
        self.penalty_owed += now - self.stated
        self.stated = now

    def use(self, amount):
        self.state_penalty()
        done_rows = False
        for part in self.terms.allocation:
            if part == "costs":
                take = min(amount, self.costs)
                self.costs -= take
                amount -= take
            elif part == "penalty":
                take = min(amount, self.penalty_owed)
                self.penalty_owed -= take
                amount -= take
            elif self.terms.allocate_by == "part":
                for piece in self.due:
                    take = min(amount, piece.open(part))
                    piece.paid[part] += take
                    amount -= take
            elif not done_rows:
                done_rows = True
                other = "principal" if part == "interest" else "interest"
                for piece in self.due:
                    for each in (part, other):
                        take = min(amount, piece.open(each))
                        piece.paid[each] += take
                        amount -= take
        return amount

    def use_credit(self):
        if self.credit and self.owed_now():
            self.credit = self.use(self.credit)

    def dpd(self):
        for piece in self.due:
            if self.today > piece.pay_by and piece.unpaid > self.terms.tolerance_fen:
                return (self.today - piece.due).days
        return 0

    def class_of_days(self, days):
        return max((n for n, (_, least) in enumerate(THRESHOLDS) if days >= least))

    def observation_ends(self):
        later = [p.due for p in self.due + self.coming if p.ordinary and p.due >= self.observed_from][:2]
        return max([add_months(self.observed_from, 12), *later])

    def under_observation(self):
        return self.floor is not None and not (self.dpd() == 0 and self.today >= self.observation_ends())

    # ---- days

    def morning(self):
        for piece in self.due:
            bearing = piece.unpaid if self.terms.compound else piece.open("principal")
            if piece.plan != self.plan_no:
                continue
            if self.today == piece.pay_by + DAY:
                self.running += bearing * self.penalty_rate * (self.today - piece.due).days / 365
                if self.floor is not None and piece.unpaid > self.terms.tolerance_fen:
                    if piece.pay_by < self.observation_ends():
                        self.observed_from = piece.due
                    else:
                        self.floor = None
            elif self.today > piece.pay_by:
                self.running += bearing * self.penalty_rate / 365
        for on, amount, kind in self.fees:
            if on == self.today and not (self.accelerated and kind not in ("court_fee",)) and not self.fees_ended:
                self.costs += amount
                self.income += amount
                self.use_credit()
        while self.coming and self.coming[0].due <= self.today:
            piece = self.coming.pop(0)
            self.due.append(piece)
            self.income += piece.interest
            self.period_start = piece.due
            self.extra = 0
            self.use_credit()

    fees_ended = False

    def run(self):
        visible = [e for e in self.all_events if e.on <= self.on and e.known_on <= self.known_by]
        by_id = {e.id: e for e in self.all_events}
        visible.sort(key=lambda e: (e.on, e.known_on, self.all_events.index(e)))
        undone = {}
        for event in visible:
            if event.kind == "reversal":
                target = by_id.get(event.of)
                if target is None or target.kind == "reversal" or target.id in undone:
                    raise Refusal(event.id)
                if event.on < target.on or event.known_on < target.known_on:
                    raise Refusal(event.id)
                undone[target.id] = event.known_on
        latest = date.min
        place = 0
        while self.today <= self.on:
            self.morning()
            while place < len(visible) and visible[place].on <= self.today:
                event = visible[place]
                place += 1
                if event.id in undone:
                    latest = max(latest, undone[event.id])
                    continue
                if event.kind == "reversal":
                    continue
                if event.on < self.terms.drawn_on:
                    raise Refusal(event.id)
                self.happen(event, latest > event.known_on, visible)
                latest = max(latest, event.known_on)
            self.today += DAY
        self.today = self.on

    def happen(self, event, hindsight, visible):
        refuse = Refusal(event.id)
        kind, amount = event.kind, event.amount_fen
        if kind in ("repayment", "recovery"):
            if not hindsight and (self.over() or (kind == "recovery" and not self.written_off)):
                raise refuse
            self.cash += amount
            self.credit += self.use(amount)
        elif kind == "prepayment":
            if not hindsight and (self.over() or amount > self.owed_now() + self.undue):
                raise refuse
            self.prepay(amount, event.mode)
        elif kind == "settlement":
            if amount is None and any(e.known_on > event.known_on for e in visible):
                known = [e for e in self.all_events if e.known_on <= event.known_on]
                try:
                    then = SlowLoan(self.terms, known, event.on, event.known_on, self.penalty_cap)
                    amount = then.settlements.get(event.id)
                except Refusal:
                    amount = None
            if self.over():
                if not hindsight:
                    raise refuse
                if amount:
                    self.cash += amount
                    self.credit += self.use(amount)
                return
            accrued = self.accrued() + self.extra
            needed = max(self.owed_now() + self.undue + accrued - self.credit, 0)
            amount = needed if amount is None else amount
            self.settlements[event.id] = amount
            if amount < needed:
                if not hindsight:
                    raise refuse
                self.prepay(amount, "shorten")
                return
            self.all_due(accrued, self.today)
            self.fees_ended = True
            self.cash += amount
            self.credit = self.use(amount + self.credit)
        elif kind == "waiver":
            if self.over() and not hindsight:
                raise refuse
            self.state_penalty()
            most = {
                "costs": self.costs, "penalty": self.penalty_owed, "interest": self.open("interest"),
                "principal": self.open("principal") + self.undue,
            }[event.part]  # fmt: skip
            if amount > most and not hindsight:
                raise refuse
            amount = min(amount, most)
            self.loss += amount
            if event.part == "costs":
                self.costs -= amount
            elif event.part == "penalty":
                self.penalty_owed -= amount
            else:
                for piece in self.due:
                    take = min(amount, piece.open(event.part))
                    piece.waived[event.part] += take
                    amount -= take
                if amount:
                    self.take_out(amount, "reduce", True)
        elif kind == "accelerate":
            if not self.undue:
                if not hindsight:
                    raise refuse
                return
            self.all_due(self.accrued() + self.extra, self.pay_by(self.today))
            self.accelerated = True
            self.use_credit()
        elif kind == "writeoff":
            if not hindsight and (self.written_off or self.over()):
                raise refuse
            if not self.over() and not self.written_off:
                self.state_penalty()
                self.written_off = True
        elif kind == "refund":
            if amount > self.credit and not hindsight:
                raise refuse
            back = min(amount, self.credit)
            self.credit -= back
            self.costs += amount - back
            self.cash -= amount
        elif kind == "restructure":
            self.restructure(event, hindsight)

    def prepay(self, amount, mode):
        self.cash += amount
        left = self.use(amount)
        principal = min(left, self.undue)
        if principal:
            self.take_out(principal, mode, False)
        self.credit += left - principal

    def all_due(self, accrued, pay_by):
        for piece in self.due:
            if piece.unpaid and piece.due > self.today:
                piece.due, piece.pay_by = self.today, pay_by
        if self.undue + accrued:
            self.due.append(Piece(self.today, pay_by, self.undue, accrued, self.plan_no, ordinary=False))
            self.income += accrued
        self.coming, self.extra = [], 0
        self.period_start = self.today

    def restructure(self, event, hindsight):
        from jiehuan.loan.terms import read_plan

        if self.written_off and not hindsight:
            raise Refusal(event.id)
        balance = self.open("principal") + self.undue
        if not balance:
            if not hindsight:
                raise Refusal(event.id)
            return
        self.state_penalty()
        floor = max(self.class_of_days(self.dpd()), 1)
        if self.under_observation():
            floor = max(floor, self.floor, 2)
        accrued = self.accrued() + self.extra
        self.income += accrued
        carried = self.open("interest") + accrued
        for piece in self.due:
            piece.principal = piece.paid["principal"] + piece.waived["principal"]
            piece.interest = piece.paid["interest"] + piece.waived["interest"]
        self.plan_no += 1
        plan = read_plan(event.terms, event.on, self.plan, "x")
        if carried:
            day = plan.first_due
            self.due.append(Piece(day, self.pay_by(day), 0, carried, self.plan_no, ordinary=False))
        self.start_plan(plan, balance)
        self.accelerated = False
        self.floor, self.observed_from = floor, plan.first_due
        self.use_credit()

    # ---- the answer

    def answer(self):
        observed = self.under_observation()
        dpd = self.dpd()
        grade = self.class_of_days(dpd)
        status = "active"
        if observed:
            status, grade = "restructured", max(grade, self.floor)
        if self.over():
            status, grade = "settled", 0
        elif self.written_off:
            status, grade = "written_off", 4
        principal = self.open("principal") + self.undue
        provision = 0 if self.written_off else fen(principal * Fraction(PROVISION[NAMES[grade]]))
        accrued = self.accrued() + self.extra
        late = [piece for piece in self.due if self.today > piece.pay_by]
        return {
            "principal_outstanding_fen": principal,
            "interest_due_fen": self.open("interest"),
            "penalty_due_fen": self.penalty,
            "costs_due_fen": self.costs,
            "overdue_fen": sum(piece.unpaid for piece in late),
            "credit_balance_fen": self.credit,
            "dpd": dpd,
            "loan_class": NAMES[grade],
            "provision_fen": provision,
            "status": status,
            "next_due": self.coming[0].due if self.coming else None,
            "payoff_fen": max(self.owed_now() + self.undue + accrued - self.credit, 0),
        }
