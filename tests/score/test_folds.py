"""Folds never part a borrower and spread events evenly; the time split never parts a moment."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan.score.folds import later_part, make_folds, split_off


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=20, max_size=120),
    st.integers(2, 5),
    st.integers(0, 99),
)
def test_a_borrower_is_never_parted(rows: list[tuple[bool, int]], count: int, seed: int) -> None:
    events = np.array([row[0] for row in rows], float)
    clusters = np.unique([row[1] for row in rows], return_inverse=True)[1]
    folds = make_folds(events, count, seed, clusters)
    assert all(len(set(folds[clusters == one])) == 1 for one in set(clusters.tolist()))
    assert (folds == make_folds(events, count, seed, clusters)).all()


def test_events_are_spread_evenly() -> None:
    events = (np.arange(1003) % 10 == 0).astype(float)
    folds = make_folds(events, 5, 1)
    counts = [events[folds == fold].sum() for fold in range(5)]
    assert max(counts) - min(counts) <= 1
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 2


def test_a_share_is_split_off() -> None:
    events = (np.arange(1000) % 4 == 0).astype(float)
    assert split_off(events, 0.2, 3).sum() == 200
    assert not split_off(events, 0.0, 3).any()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 8).map(float), st.just(float("nan"))), min_size=1, max_size=60))
def test_the_cut_in_time_parts_no_moment(moments: list[float]) -> None:
    array = np.array(moments)
    split = later_part(array, 0.25)
    known = array[~np.isnan(array)]
    if split is None:
        assert len(np.unique(known)) <= 1
        return
    earlier, later = split
    assert earlier.any()
    assert later.any()
    assert array[earlier].max() < array[later].min()
    assert not (earlier | later)[np.isnan(array)].any()
    assert (earlier | later).sum() == len(known)
