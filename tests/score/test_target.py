"""Which value is the event, which rows have an outcome, and what cannot be a target."""

from typing import Any

import polars as pl
import pytest

from jiehuan.score.target import read_outcome
from jiehuan.units.errors import InputError


@pytest.mark.parametrize(
    ("values", "event", "events"),
    [
        ([0, 1, None, 1], "1", [0, 1, 1]),
        ([0.0, 1.0, float("nan")], "1", [0, 1]),
        ([False, True, None], "true", [0, 1]),
        (["Good", "Bad", None, " "], "Bad", [0, 1]),
        (["好", "坏"], "坏", [0, 1]),
        (["no", "yes"], "yes", [0, 1]),
        (["0", "1"], "1", [0, 1]),
        (["paid", "gone"], "gone", [0, 1]),  # one label sounds good, so that the other is the event
    ],
)
def test_the_event_is_told(values: list[Any], event: str, events: list[int]) -> None:
    outcome = read_outcome(pl.DataFrame({"y": values}), "y")
    assert outcome.event == event
    assert outcome.events.tolist() == events
    assert outcome.labelled.sum() == len(events)


def test_the_event_can_be_chosen() -> None:
    assert read_outcome(pl.DataFrame({"y": ["Good", "Bad"]}), "y", "good").event == "Good"
    assert read_outcome(pl.DataFrame({"y": [1, 2]}), "y", "2").events.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "event", "words"),
    [
        ([1, 1], None, "one value only"),
        ([None, None], None, "no value at all"),
        ([], None, "no rows"),
        ([0, 1, 2], None, "3 values, not two"),
        ([1, 2], None, "not plain; say --event 1 or --event 2"),  # 2 is the bad one in some sets, 1 in others
        (["red", "blue"], None, "not plain"),
        (["Good", "Bad"], "Ugly", "not a value of the target"),
        ([[1], [2]], None, "not a target"),
        ([0, 1, 1, 1], None, "only 1 rows"),
    ],
)
def test_what_cannot_be_a_target_is_refused_with_the_mend(values: list[Any], event: str | None, words: str) -> None:
    frame = pl.DataFrame({"y": values}, schema={"y": pl.Int64} if not values or values[0] is None else None)
    with pytest.raises(InputError, match=words):
        read_outcome(frame, "y", event, least=2 if words.startswith("only") else 1)


def test_an_absent_target_names_the_columns() -> None:
    with pytest.raises(InputError, match="no such column; one of: a, b"):
        read_outcome(pl.DataFrame({"a": [1], "b": [2]}), "y")
