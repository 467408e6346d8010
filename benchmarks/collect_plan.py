"""The plan's dual method against HiGHS: time, gap to the optimum, and what a simple greedy list loses.

Run: ``python benchmarks/collect_plan.py [--accounts 1000000] [--linear 10000]``. ``--linear``: debtors of the case which HiGHS solves too
(interior point, the linear relaxation, whose optimum bounds every plan).
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version

import numpy as np

from jiehuan.collect.assign import assign

Case = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def make_case(n: int, seed: int = 1) -> Case:
    """``n`` debtors, five actions with a pool each; units for an SMS for a third, a call for a tenth, a case for one in 500."""
    rng = np.random.default_rng(seed)
    overdue = rng.lognormal(11.5, 1.0, (n, 1))
    uplift = np.array([0.03, 0.015, 0.08, 0.045, 0.1]) * rng.uniform(0.2, 1.8, (n, 5))
    gain = np.floor(overdue * uplift - np.array([5, 1, 400, 600, 12_000]))
    gain[rng.random((n, 5)) < np.array([0.02, 0.1, 0.2, 0.4, 0.9])] = -np.inf
    units = (n * np.array([0.33, 0.2, 0.1, 0.02, 0.002])).astype(np.int64)
    return gain, np.tile(np.arange(5), (n, 1)), np.ones(5, np.int64), units


def linear_optimum(gain: np.ndarray, units: np.ndarray) -> tuple[float, float]:
    """HiGHS' interior point on the linear relaxation: seconds of CPU time and the optimum."""
    import highspy
    from scipy import sparse

    n, actions = gain.shape
    i, a = np.nonzero(np.isfinite(gain) & (gain > 0))
    cells = np.arange(len(i))
    rows = np.concatenate([i, n + a])
    matrix = sparse.csc_matrix(
        (np.ones(2 * len(i)), (rows, np.concatenate([cells, cells]))), shape=(n + actions, len(i))
    )
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(i), n + actions
    lp.col_cost_ = -gain[i, a]
    lp.col_lower_, lp.col_upper_ = np.zeros(len(i)), np.ones(len(i))
    lp.row_lower_ = np.full(n + actions, -highspy.kHighsInf)
    lp.row_upper_ = np.concatenate([np.ones(n), units.astype(float)])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    model.setOptionValue("solver", "ipm")
    model.passModel(lp)
    begin = time.process_time()
    model.run()
    return time.process_time() - begin, -model.getObjectiveValue()


def greedy(gain: np.ndarray, units: np.ndarray) -> float:
    """The list one writes first: the best pairs of debtor and action, as long as units last."""
    left, done, total = units.copy(), np.zeros(len(gain), bool), 0.0
    order = np.argsort(-gain, axis=None, kind="stable")
    for cell in order:
        i, a = divmod(int(cell), gain.shape[1])
        if gain[i, a] <= 0 or not np.isfinite(gain[i, a]):
            break
        if left[a] > 0 and not done[i]:
            left[a] -= 1
            done[i] = True
            total += gain[i, a]
    return total


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--accounts", type=int, default=1_000_000)
    options.add_argument("--linear", type=int, default=10_000)
    chosen = options.parse_args()
    assign(*make_case(2000))
    rows = {}
    for n in sorted({chosen.linear, 100_000, chosen.accounts}):
        problem = make_case(n)
        begin = time.process_time()
        answer = assign(*problem)
        took = time.process_time() - begin
        row = {
            "cpu_seconds": round(took, 3),
            "stated_gap": answer.gap,
            "greedy_loses": round(1 - greedy(problem[0], problem[3]) / answer.value, 4),
        }
        if n == chosen.linear:
            highs, optimum = linear_optimum(problem[0], problem[3])
            row |= {"highs_cpu_seconds": round(highs, 3), "highs_times_slower": round(highs / took, 1)}
            row |= {
                "value_below_linear_optimum": 1 - answer.value / optimum,
                "bound_above_linear_optimum": answer.bound / optimum - 1,
            }
            assert answer.bound >= optimum * (1 - 1e-9)
            assert answer.value <= optimum * (1 + 1e-9)
        rows[f"{n:,} debtors"] = row
    print(json.dumps({**rows, "versions": {name: version(name) for name in ("highspy", "numba")}}, indent=1))


if __name__ == "__main__":
    main()
