"""Two policies on one book: counts, moves and expected loss, checked by hand on a small book and by law on a large one."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jiehuan.policy import Policy, compile_policy, default_policy, diff_policies, load_policy
from jiehuan.units.errors import InputError

EXAMPLES = Path(__file__).parents[2] / "examples"


def tighter() -> Policy:
    document: dict[str, Any] = copy.deepcopy(dict(default_policy().document))
    band = next(node for node in document["nodes"] if node["id"] == "band")
    for rule in band["content"]["rules"]:
        if rule["band-pd_ppm"] == "<= 100000":
            rule["band-band_limit_fen"] = "1500000"
        if rule["band-pd_ppm"] == "<= 300000":
            rule["band-pd_ppm"] = "<= 250000"
    return load_policy(document, "tighter")


BOOK = pl.DataFrame(
    {
        "application_id": ["a", "b", "c", "d"],
        "amount_fen": [1_000_000, 2_500_000, 400_000, 1_000_000],
        "months": [12, 12, 6, 12],
        "pd_ppm": [40_000, 80_000, 280_000, 15_000],
    }
)


def test_the_difference_by_hand() -> None:
    found = diff_policies(default_policy(), tighter(), BOOK, lgd_ppm=500_000)
    assert found.moves == {("approve", "approve"): 3, ("review", "refuse"): 1}
    assert found.changed.get_column("application_id").to_list() == ["b", "c"]
    assert found.changed.get_column("limit_change_fen").to_list() == [-500_000, -500_000]
    # a 1,000,000 x 4 % + b 2,000,000 x 8 % + c 400,000 x 28 % + d 1,000,000 x 1.5 %, halved
    assert found.before.expected_loss_fen == (40_000 + 160_000 + 112_000 + 15_000) // 2
    assert found.after.expected_loss_fen == (40_000 + 120_000 + 15_000) / 2
    assert found.new_reasons == {"score_too_low": 1}
    document = found.as_document()
    assert document["expected_loss_change"] == "-760.00"
    assert json.dumps(document)


def test_a_policy_does_not_differ_from_itself() -> None:
    found = diff_policies(default_policy(), default_policy(), BOOK)
    assert found.changed.height == 0
    assert found.before == found.after


def test_the_example_book_reads_and_adds_up() -> None:
    book = pl.read_csv(EXAMPLES / "book.csv")
    found = diff_policies(load_policy(EXAMPLES / "policy.json"), load_policy(EXAMPLES / "policy_tighter.json"), book)
    assert sum(found.moves.values()) == book.height == found.rows
    assert sum(found.before.by_outcome.values()) == sum(found.after.by_outcome.values()) == book.height
    moved = sum(count for (old, new), count in found.moves.items() if old != new)
    assert moved <= found.changed.height
    assert found.after.expected_loss_fen < found.before.expected_loss_fen


def test_bad_rows_are_told_and_the_others_decided() -> None:
    book = BOOK.with_columns(pd_ppm=pl.Series([40_000, 5_000_000, None, 15_000]))
    table, told = compile_policy(default_policy()).batch(book)
    assert table.get_column("row").to_list() == [0, 2, 3]
    assert [problem.where for problem in told.refused] == ["row 2, pd_ppm"]
    assert told.refused[0].value == "5000000"


def test_columns_of_the_wrong_kind_and_missing_ones_are_refused() -> None:
    with pytest.raises(InputError, match="column pd_ppm"):
        compile_policy(default_policy()).batch(BOOK.with_columns(pl.col("pd_ppm").cast(pl.String)))
    with pytest.raises(InputError, match="column amount_fen"):
        compile_policy(default_policy()).batch(BOOK.drop("amount_fen"))
    with pytest.raises(InputError, match="not a share"):
        diff_policies(default_policy(), default_policy(), BOOK, lgd_ppm=2_000_000)


def test_floats_that_are_whole_pass_and_others_do_not() -> None:
    whole = BOOK.with_columns(pl.col("pd_ppm").cast(pl.Float64))
    assert compile_policy(default_policy()).batch(whole)[0].equals(compile_policy(default_policy()).batch(BOOK)[0])
    table, told = compile_policy(default_policy()).batch(BOOK.with_columns(pl.col("pd_ppm") + 0.5))
    assert table.height == 0
    assert told.refused_count == 4


def test_an_empty_book_is_decided_emptily() -> None:
    table, told = compile_policy(default_policy()).batch(BOOK.head(0))
    assert table.height == 0
    assert told.refused == ()
    assert {"outcome", "limit_fen", "rate_ppm", "reasons"} <= set(table.columns)
