"""The best cut is the best: against every possible cut, and against optbinning's solver on a real field."""

from itertools import combinations, pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score.optimum import ASCENDING, DESCENDING, PEAK, VALLEY, best_cut

Floats = np.ndarray[Any, np.dtype[np.float64]]


def likelihood(rows: Floats, hits: Floats) -> float:
    parts = [(hit, row) for row, hit in zip(rows, hits, strict=True)] + [
        (row - hit, row) for row, hit in zip(rows, hits, strict=True)
    ]
    return float(sum(part * np.log(part / whole) for part, whole in parts if part > 0))


def allowed(rates: list[float], trend: int) -> bool:
    steps = [after - before for before, after in pairwise(rates)]
    up, down = [step >= 0 for step in steps], [step <= 0 for step in steps]
    if trend == ASCENDING:
        return all(up)
    if trend == DESCENDING:
        return all(down)
    first, second = (up, down) if trend == PEAK else (down, up)
    return any(all(first[:turn]) and all(second[turn:]) for turn in range(len(steps) + 1))


def by_trying_all(rows: Floats, hits: Floats, trend: int, most: int, least: float, cost: float) -> float:
    """The best worth over one bin of all ways to cut, or 0 when none is allowed."""
    best = None
    for bins in range(1, most + 1):
        for cuts in combinations(range(1, len(rows)), bins - 1):
            bounds = [0, *cuts, len(rows)]
            sums = [(rows[low:high].sum(), hits[low:high].sum()) for low, high in pairwise(bounds)]
            if any(row < least or row == 0 for row, _ in sums) or not allowed([hit / row for row, hit in sums], trend):
                continue
            worth = likelihood(np.array([row for row, _ in sums]), np.array([hit for _, hit in sums])) - cost * (
                bins - 1
            )
            best = worth if best is None else max(best, worth)
    return 0.0 if best is None else best - likelihood(rows.sum(keepdims=True), hits.sum(keepdims=True))


prebins = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 30)).map(lambda pair: (pair[0] + pair[1], pair[1])),
    min_size=1,
    max_size=8,
)


@settings(max_examples=150, deadline=None)
@given(
    prebins,
    st.sampled_from([ASCENDING, DESCENDING, PEAK, VALLEY]),
    st.integers(1, 5),
    st.integers(0, 40),
    st.sampled_from([0.0, 0.5, 3.0]),
)
def test_the_cut_is_the_best_of_all_cuts(
    counts: list[tuple[int, int]], trend: int, most: int, least: int, cost: float
) -> None:
    rows, hits = (np.array(side, float) for side in zip(*counts, strict=True))
    worth, cuts = best_cut(rows, hits, trend, most, float(least), cost)
    assert worth == pytest.approx(by_trying_all(rows, hits, trend, most, least, cost), abs=1e-9)
    bounds = [0, *cuts.tolist(), len(rows)]
    assert bounds == sorted(set(bounds))
    assert len(bounds) - 1 <= most
    sums = [(rows[low:high].sum(), hits[low:high].sum()) for low, high in pairwise(bounds)]
    if len(sums) > 1:
        assert all(row >= least for row, _ in sums)
        assert allowed([hit / row for row, hit in sums], trend)


def test_no_cut_of_optbinnings_solver_is_better(taiwan: pl.DataFrame) -> None:
    optbinning = pytest.importorskip("optbinning")
    values = taiwan["LIMIT_BAL"].to_numpy()
    events = taiwan["default.payment.next.month"].to_numpy()
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 21)[1:-1]))
    place = np.searchsorted(edges, values, side="right")
    rows, hits = np.bincount(place).astype(float), np.bincount(place, weights=events)
    worth, cuts = best_cut(rows, hits, DESCENDING, 6, 0.05 * len(values), 0.0)
    peer = optbinning.OptimalBinning(
        solver="cp",
        monotonic_trend="descending",
        user_splits=edges,
        max_n_bins=6,
        min_bin_size=0.05,
        max_n_prebins=30,
        min_prebin_size=0.01,
    )
    peer.fit(values, events)
    assert peer.status == "OPTIMAL"
    assert len(peer.splits) + 1 <= 6
    theirs = np.searchsorted(peer.splits, values, side="right")
    their_worth = likelihood(np.bincount(theirs).astype(float), np.bincount(theirs, weights=events)) - likelihood(
        np.array([rows.sum()]), np.array([hits.sum()])
    )
    assert worth >= their_worth - 1e-6
    assert worth == pytest.approx(their_worth, rel=0.02)  # they maximise the information value, close to the likelihood
    assert len(cuts) == len(peer.splits)
