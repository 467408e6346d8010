"""Another set of parameters, judged on the log of past reviews before it is put to work.

A log row has the account as it was (as ``line review`` reads it), what came of it (``outcome_fen``, the profit over a stated time), and how it
was decided: ``new_limit_fen``, ``proposed_limit_fen``, ``arm``, ``propensity`` (as ``line review`` writes them). Actions are compared by
direction: raise, lower, hold. The log could have drawn the proposed direction (treated) or hold (held out); anything else is unsupported.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from jiehuan.law import law_on
from jiehuan.line.account import read_account
from jiehuan.line.decision import LineAccount
from jiehuan.line.offpolicy import METHODS, Estimate, estimate
from jiehuan.line.params import LineParams
from jiehuan.line.review import review
from jiehuan.units.days import parse_date
from jiehuan.units.errors import InputError, JiehuanError, Problem

NEEDED = ("on", "new_limit_fen", "proposed_limit_fen", "arm", "propensity", "outcome_fen")


def evaluate(
    rows: Iterable[Mapping[str, Any]], params: LineParams, lender_type: str, where: str = "log"
) -> tuple[list[Estimate], list[Problem]]:
    """Estimates (DR, SNIPS, IPS) of the mean outcome in fen a decision under ``params``, and the bad rows.

    One borrower's decisions go together in the intervals.

    Raises InputError when the log lacks a column or tells too little.
    """
    always = replace(params, holdout=0.0)
    taken, wanted, supported, propensity, outcome, features, borrowers = [], [], [], [], [], [], []
    problems: list[Problem] = []
    for place, row in enumerate(rows, 1):
        at = f"{where} row {place}"
        missing = [name for name in NEEDED if row.get(name) in (None, "")]
        if missing:
            problems.append(Problem(f"{at}, {missing[0]}", "", "missing", f"write {missing[0]}"))
            continue
        try:
            account = read_account(row, at)
            on: date = parse_date(row["on"], f"{at}, on")
            new, proposed, chance, came = (
                float(row[name]) for name in ("new_limit_fen", "proposed_limit_fen", "propensity", "outcome_fen")
            )
        except JiehuanError as error:
            problems.extend(error.problems)
            continue
        except (TypeError, ValueError):
            new = proposed = chance = came = float("nan")
        if not all(map(math.isfinite, (new, proposed, chance, came))):
            problems.append(Problem(at, "", "a limit, propensity or outcome is not a number", "write numbers"))
            continue
        if not 0.0 < chance <= 1.0:
            mend = "log it with each decision, above 0 and at most 1"
            problems.append(Problem(f"{at}, propensity", str(row["propensity"])[:80], "not a probability", mend))
            continue
        could = {_direction(proposed, account)} | ({0} if _direction(proposed, account) else set())
        want = _direction(review(account, law_on(on, lender_type), always).proposed_limit_fen, account)
        taken.append(_direction(new, account))
        wanted.append(want)
        supported.append(want in could)
        # Where the proposal was to hold, both arms hold: that decision was certain.
        propensity.append(1.0 if _direction(proposed, account) == 0 else chance)
        outcome.append(came)
        features.append(_features(account))
        borrowers.append(account.borrower_id)
    if not taken:
        raise InputError(problems or [Problem(where, "", "no decisions", "log decisions with their outcomes")])
    arrays = (
        np.array(outcome), np.array(taken, np.int64), np.array(propensity), np.array(wanted, np.int64), np.array(supported, bool),
    )  # fmt: skip
    known: dict[str, int] = {}
    whose = np.array([known.setdefault(borrower, len(known)) for borrower in borrowers], np.int64)
    return [estimate(*arrays, np.array(features), method=method, clusters=whose) for method in METHODS], problems


def _direction(limit: float, account: LineAccount) -> int:
    return int(limit > account.limit_fen) - int(limit < account.limit_fen)


def _features(a: LineAccount) -> list[float]:
    limit = max(a.limit_fen, 1)
    return [
        np.log(limit), a.balance_fen / limit, a.pd, float(a.dpd > 0), a.rate_ppm / 1e6, min(a.months_on_book, 60),
        min(a.months_clean, 24), a.balance_fen / 1e6, a.pd * a.balance_fen / 1e6, a.pd * limit / 1e6,
    ]  # fmt: skip
