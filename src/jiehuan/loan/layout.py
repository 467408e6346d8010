"""Where everything stands in the flat sequences that the fold reads and writes: one number a cell, one line a name.

All cells are 64-bit integers: fen, ppm, day numbers (``civil.py``), codes and counts. The same layout serves lists (one
loan, interpreted) and int64 arrays (a book, compiled). Rows of the schedule are in ``amortise.py``.
"""

from __future__ import annotations

# fmt: off
FAR = 1 << 40
"""A day after all days."""

# A plan: how principal is repaid from a day on. A loan's first plan is its own; each restructuring brings another.
# The penalty of a plan is fen-days × PEN_NUM / PEN_DEN.
PLAN = 10
P_RATE, P_MONTHS, P_METHOD, P_START, P_FIRST_DUE, P_ANCHOR, P_REGULAR, P_PEN_NUM, P_PEN_DEN, P_FLOWS = range(PLAN)

# A loan. FEES..FEES_END index the fee days and amounts; ORDER packs four parts, two bits each, first part lowest.
LOAN = 10
(
    L_PRINCIPAL, L_LENDER, L_PLAN, L_FEES, L_FEES_END, L_CALENDAR, L_ORDER, L_BY_INSTALMENT, L_COMPOUND, L_TOLERANCE,
) = range(LOAN)

# A fee. PRICED: part of the price of the loan, so no longer charged once the loan is accelerated.
FEE = 3
F_DAY, F_AMOUNT, F_PRICED = range(FEE)

# An event. REF: the place, among the loan's events, of the event that a reversal undoes (-1: no such event). EXTRA: the
# mode of a prepayment, the part of a waiver. PLAN_AT: a restructuring's plan. VERDICT is written by the fold.
EVENT = 8
E_ON, E_KNOWN, E_KIND, E_AMOUNT, E_REF, E_EXTRA, E_PLAN, E_VERDICT = range(EVENT)

(
    REPAYMENT, REVERSAL, PREPAYMENT, SETTLEMENT, WAIVER, RESTRUCTURE, ACCELERATE, WRITEOFF, RECOVERY, REFUND,
) = range(10)
COSTS, PENALTY_PART, INTEREST_PART, PRINCIPAL_PART = range(4)
SHORTEN, REDUCE = range(2)

# Verdicts. Below REFUSED the event is in order.
NOT_YET, APPLIED, REVERSED = range(3)
REFUSED = 10
(
    BEFORE_DRAWING, NO_TARGET, REVERSED_TWICE, REVERSES_REVERSAL, REVERSED_EARLY, LOAN_SETTLED, ABOVE_OUTSTANDING,
    SETTLED_SHORT, ABOVE_DUE, ALREADY_DUE, ALREADY_WRITTEN_OFF, NOT_WRITTEN_OFF, ABOVE_CREDIT, SHAPE_TOO_THIN,
    NO_PRINCIPAL, RESTRUCTURES_WRITTEN_OFF,
) = range(REFUSED, REFUSED + 16)

# Kinds of rows.
INSTALMENT, PREPAID, SETTLED_ROW, ACCELERATED, CARRIED, WAIVED = range(6)

# The running state of one loan.
STATE = 44
(
    S_DAY,  # the evening up to which everything is counted
    S_COUNT,  # rows
    S_FALLEN,  # rows whose due date has come
    S_PASSED,  # rows whose pay_by has passed
    S_OLDEST,  # first row not wholly paid
    S_UNDUE,  # principal not yet due
    S_DUE_P,  # principal due and unpaid
    S_DUE_I,  # interest due and unpaid
    S_COSTS,
    S_CREDIT,
    S_BASE,  # overdue principal that bears penalty
    S_FEN_DAYS,  # running penalty of the plan, in fen × days
    S_STATED,  # how much of it has been stated
    S_PENALTY,  # stated and unpaid
    S_RATE,
    S_METHOD,
    S_PEN_NUM,
    S_PEN_DEN,
    S_PERIOD,  # the day from which the running period accrues
    S_EXTRA,  # interest on principal repaid early, due with the next row
    S_BROKEN,  # whether the running period is a broken first one
    S_FEE_AT,
    S_FEES_END,
    S_ACCELERATED,
    S_WRITTEN_OFF,
    S_RESTRUCTURES,
    S_FLOOR,  # the best class that an observed restructuring allows; 0: none
    S_OBSERVED_FROM,
    S_LATEST,  # the latest day on which anything applied so far became known
    S_KNOWN,  # when the event at hand became known
    S_EVENT,  # its place in the events, or -1
    S_ROW,  # the row or fee that the calendar brings, or -1
    S_MOVES,  # movements recorded
    S_DPD,  # days past due before the event at hand, for the record
    S_LENDER,
    S_CALENDAR,
    S_ORDER,
    S_BY_INSTALMENT,
    S_COMPOUND,
    S_TOLERANCE,
    S_TOOK_COSTS,  # what the last use of money took, by part
    S_TOOK_PENALTY,
    S_TOOK_INTEREST,
    S_TOOK_PRINCIPAL,
) = range(STATE)

# A recorded movement: what changed, and every balance after it.
MOVE = 16
(
    M_KIND, M_EVENT, M_ROW, M_DAY, M_CASH, M_PRINCIPAL, M_INTEREST, M_PENALTY, M_COSTS, M_CREDIT,
    M_AFTER_PRINCIPAL, M_AFTER_INTEREST, M_AFTER_PENALTY, M_AFTER_COSTS, M_AFTER_CREDIT, M_DPD,
) = range(MOVE)
(
    K_DRAW, K_FEE, K_INTEREST, K_PENALTY, K_REPAYMENT, K_PREPAYMENT, K_SETTLEMENT, K_WAIVER, K_ACCELERATE,
    K_RESTRUCTURE, K_WRITEOFF, K_RECOVERY, K_REFUND,
) = range(13)

# The law that the fold needs, per lender type: four thresholds of days past due (classes 1 to 4), five provision rates,
# the length of the observation after a restructuring, and the best classes after a first restructuring and after
# another one.
LAW = 13
LAW_THRESHOLD, LAW_PROVISION, LAW_MONTHS, LAW_INSTALMENTS, LAW_FIRST, LAW_AGAIN = 0, 4, 9, 10, 11, 12
LOSS = 4

# What a loan's line of a book says. The last four are what makes its penalty run on: see ``state.Running``.
OUT = 21
(
    O_PRINCIPAL, O_INTEREST, O_PENALTY, O_COSTS, O_OVERDUE, O_CREDIT, O_DPD, O_CLASS, O_PROVISION, O_STATUS, O_NEXT_DUE,
    O_ACCELERATED, O_OBSERVED, O_ACCRUED, O_UNSTATED, O_PAYOFF, O_OLDEST_DUE,
    O_BASE, O_FEN_DAYS, O_PEN_NUM, O_PEN_DEN,
) = range(OUT)
ACTIVE, RESTRUCTURED, WRITTEN_OFF, SETTLED = range(4)
