"""Random loans and random lives of loans for property tests: lawful terms, events that mostly fit and sometimes do
not."""

from datetime import date, timedelta

from hypothesis import strategies as st

from jiehuan.loan import PARTS, Event, Fee, Plan, Terms
from jiehuan.units.days import add_months

DAYS = st.dates(date(2025, 10, 1), date(2026, 12, 31))
METHODS = ("equal_instalment", "equal_principal", "interest_only", "bullet", "sculpted")


@st.composite
def plans(draw, starts_on, months=st.integers(1, 14)):
    method = draw(st.sampled_from(METHODS))
    count = draw(months)
    first_due = add_months(starts_on, 1)
    if draw(st.integers(0, 3)) == 0:
        first_due = starts_on + timedelta(days=draw(st.integers(3, 80)))
    flows = ()
    if method == "sculpted":
        flows = tuple(draw(st.lists(st.integers(400_00, 3_000_00), min_size=count, max_size=count)))
    rate = draw(st.sampled_from([0, 72_000, 120_000, 180_000, 182_500, 240_000]))
    uplift = draw(st.sampled_from([0, 300_000, 500_000]))
    return Plan(rate, count, method, starts_on, first_due, uplift, flows)


@st.composite
def terms(draw, lenders=("bank", "other", "micro_lender")):
    starts_on = draw(DAYS)
    plan = draw(plans(starts_on))
    lender = draw(st.sampled_from(lenders))
    fees = ()
    if plan.rate_ppm < 180_000 and draw(st.booleans()):
        fees = tuple(
            sorted(
                (
                    Fee(
                        starts_on + timedelta(days=day),
                        draw(st.integers(1, 20_00)),
                        draw(st.sampled_from(["service", "court_fee"])),
                    )
                    for day in draw(st.lists(st.integers(0, 200), max_size=3))
                ),
                key=lambda fee: fee.on,
            )
        )
    large = st.integers(5_000_00, 200_000_00)
    small = st.integers(1, 50_00)
    orders = (PARTS, ("costs", "principal", "interest", "penalty"), ("principal", "interest", "penalty", "costs"))
    return Terms(
        lender_type=lender,
        principal_fen=draw(large if fees else st.one_of(small, large)),
        plan=plan,
        fees=fees,
        calendar=draw(st.sampled_from(["cn", "none"])),
        allocation=draw(st.sampled_from(orders)),
        allocate_by=draw(st.sampled_from(["part", "instalment"])),
        compound=draw(st.sampled_from([False, False, True])),
        tolerance_fen=draw(st.sampled_from([0, 0, 100])),
    )


KINDS = (
    ["repayment"] * 12 + ["prepayment"] * 3 + ["settlement", "waiver", "waiver", "restructure", "accelerate", "writeoff", "recovery"]
    + ["refund", "reversal", "reversal"]
)  # fmt: skip


@st.composite
def event(draw, number, loan, ids, after=0):
    kind = draw(st.sampled_from(KINDS))
    on = loan.drawn_on + timedelta(days=draw(st.integers(after, after + 60)))
    if draw(st.integers(0, 30)) == 0:
        on = loan.drawn_on - timedelta(days=1)
    known_on = on + timedelta(days=draw(st.sampled_from([0, 0, 0, 1, 5, 45])))
    amount, of, mode, part, new_terms = None, "", "", "", None
    unit = max(loan.principal_fen // max(loan.months, 1), 1)
    if kind in ("repayment", "recovery"):
        amount = draw(st.sampled_from([unit, unit + unit // 10, unit // 3 + 1, unit * 3, 1, loan.principal_fen]))
    elif kind == "prepayment":
        amount = draw(st.sampled_from([unit, unit * 2 + 3, loan.principal_fen // 2 + 1]))
        mode = draw(st.sampled_from(["shorten", "reduce"]))
    elif kind == "waiver":
        amount = draw(st.sampled_from([1, 7, unit // 50 + 1, unit]))
        part = draw(st.sampled_from(["costs", "penalty", "interest", "principal"]))
    elif kind == "refund":
        amount = draw(st.sampled_from([1, unit // 2 + 1]))
    elif kind == "settlement" and draw(st.integers(0, 3)) == 0:
        amount = loan.principal_fen * 2
    elif kind == "reversal":
        of = draw(st.sampled_from([*ids, "nothing"])) if ids else "nothing"
    elif kind == "restructure":
        new_terms = {"months": draw(st.integers(1, 12))}
        if draw(st.booleans()):
            new_terms["rate"] = "0.06"
        if draw(st.booleans()) or loan.method == "sculpted":
            new_terms["method"] = draw(st.sampled_from(METHODS[:4]))
        if loan.method == "sculpted" and new_terms.get("method") is None:
            new_terms["method"] = "equal_instalment"
    return Event(f"e{number}", on, kind, known_on, amount, of, mode, part, "", new_terms)


@st.composite
def lives(draw, count=st.integers(0, 10)):
    """(terms, events in any order, a day to ask for)."""
    loan = draw(terms())
    events, ids, after = [], [], 0
    for number in range(draw(count)):
        each = draw(event(number, loan, ids, after))
        events.append(each)
        ids.append(each.id)
        after = max(after, (each.on - loan.drawn_on).days) if draw(st.integers(0, 4)) else after
    on = loan.drawn_on + timedelta(days=draw(st.integers(0, 500)))
    return loan, events, on
