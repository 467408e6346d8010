"""How fast lines are reviewed, and how long an off-policy estimate takes: made-up lines, one thread, CPU time.

    python benchmarks/line_review.py --lines 100000
"""

from __future__ import annotations

import argparse
import time
from datetime import date

import numpy as np

from jiehuan.law import law_on
from jiehuan.line import LineAccount, default_params, estimate, review
from jiehuan.line.fairness import grade_prices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    n = parser.parse_args().lines
    law, params, rng = law_on(date(2026, 11, 24), "micro_lender"), default_params(), np.random.default_rng(1)
    limits, used, risk = rng.integers(3_000, 30_000, n), rng.random(n), rng.random(n) * 0.3
    lines = [
        LineAccount(f"b{i}", int(limits[i]) * 100, 180_000, int(limits[i] * used[i]) * 100, float(risk[i]), 0, 24, 12, income_fen=800_000)
        for i in range(n)
    ]
    started = time.process_time()
    decisions = [review(line, law, params) for line in lines]
    seconds = time.process_time() - started
    print(f"review: {n / seconds:,.0f} lines/s, {1e6 * seconds / n:.1f} us a line")
    started = time.process_time()
    _, problems = grade_prices(zip(lines, decisions, strict=True), params)
    print(f"price differences: {n / (time.process_time() - started):,.0f} lines/s, {len(problems)} found")
    held = np.array([decision.arm == "holdout" for decision in decisions])
    wanted = np.array([np.sign(d.proposed_limit_fen - d.old_limit_fen) for d in decisions], np.int64)
    taken = np.where(held, 0, wanted)
    chance = np.where(wanted == 0, 1.0, np.where(held, params.holdout, 1 - params.holdout))
    outcome = rng.normal(1000 * (taken + 1), 500)
    features = np.column_stack([np.log(limits), used, risk])
    for method in ("DR", "SNIPS", "IPS"):
        started = time.process_time()
        told = estimate(outcome, taken, chance, wanted, np.ones(n, bool), features, method=method)
        print(f"{method}: {time.process_time() - started:.3f} s, {told.value:,.1f} ({told.low:,.1f} to {told.high:,.1f})")


if __name__ == "__main__":
    main()
