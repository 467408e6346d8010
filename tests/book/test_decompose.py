from __future__ import annotations

import dataclasses
from datetime import date
from fractions import Fraction

import polars as pl
import pytest
from book_tapes import JUNE, MAY, loan, tape
from hypothesis import given, settings
from hypothesis import strategies as st

from jiehuan import book
from jiehuan.units.errors import InputError

NEW = date(2026, 6, 10)


def effects(before: pl.DataFrame, after: pl.DataFrame, **how: str) -> dict[str, Fraction]:
    return {cause.name: cause.effect for cause in book.decompose(before, after, **how).causes}


def test_growth_alone_is_dilution_and_nothing_else() -> None:
    bad, fine = loan("bad", 10, dpd=100), loan("fine", 90)
    found = effects(tape(bad, fine), tape(bad, fine, loan("new", 100, drawn_on=NEW), as_of=JUNE))
    # 10 % falls to 5 %, though no loan is better than it was.
    assert {name: effect for name, effect in found.items() if effect} == {"growth": Fraction(-5, 100)}


def test_deterioration_is_shown_by_its_opening_bucket() -> None:
    before = tape(loan("a", 10, dpd=70), loan("b", 10, dpd=75), loan("fine", 80))
    after = tape(loan("a", 10, dpd=100), loan("b", 10, dpd=105), loan("fine", 80), as_of=JUNE)
    found = book.decompose(before, after)
    assert [(cause.name, cause.loans) for cause in found.causes if cause.effect] == [("deterioration M3", 2)]
    assert found.after - found.before == Fraction(20, 100)


def test_write_off_and_sale_lower_the_ratio_by_leaving_not_by_mending() -> None:
    before = tape(loan("w", 10, dpd=400), loan("s", 10, dpd=200), loan("fine", 80))
    after = tape(
        loan("w", 10, dpd=430, status="written_off"),
        loan("s", 10, dpd=230, status="sold"),
        loan("fine", 80),
        as_of=JUNE,
    )
    found = effects(before, after)
    # Both took 10 of N and of D away: (1/D0 + 1/D1)/2 = 9/800, and the mean ratio's share of D goes back.
    each = -10 * Fraction(9, 800) + 10 * Fraction(10, 8_000)
    assert found["write_off"] == found["sale"] == each == Fraction(-1, 10)
    assert found["run_off"] == 0


@pytest.mark.parametrize(
    ("was", "now", "cause"),
    [
        (loan("x", 50, dpd=100), loan("x", 45), "cure"),
        (loan("x", 50, dpd=100), loan("x", 50, status="restructured"), "restructuring"),
        (loan("x", 50, dpd=100), loan("x", 30, dpd=130), "collection"),
        (loan("x", 50, dpd=100), loan("x", 0, status="settled"), "collection"),
        (loan("x", 50), loan("x", 40), "run_off"),
        (loan("x", 50), loan("x", 0, status="settled"), "run_off"),
        (loan("x", 50), loan("x", 60), "redraw"),
        (loan("x", 50, dpd=20), loan("x", 60, dpd=110), "deterioration M1"),
        (loan("x", 50, status="sold"), loan("x", 50), "returned"),
        (loan("x", 50), None, "vanished"),
        (None, loan("x", 50), "appeared"),
        (None, loan("x", 50, drawn_on=NEW), "growth"),
        (None, loan("x", 50, dpd=91, drawn_on=NEW), "admission"),
    ],
)
def test_each_story_of_a_loan_has_its_cause(was: dict | None, now: dict | None, cause: str) -> None:  # type: ignore[type-arg]
    rest = [loan("rest", 200), loan("rest bad", 20, dpd=100)]
    before = tape(*rest, *([was] if was else []))
    after = tape(*rest, *([now] if now else []), as_of=JUNE)
    moved = [found.name for found in book.decompose(before, after).causes if found.npl_fen or found.balance_fen]
    assert moved == [cause]


def test_mix_is_told_from_quality_by_segment() -> None:
    # Regions keep their ratios of 10 % and 0 %; the good one doubles.
    before = tape(loan("z1", 90), loan("z2", 10, dpd=100), loan("s", 100, region="Sichuan"))
    new = loan("n", 100, region="Sichuan", drawn_on=NEW)
    after = tape(loan("z1", 90), loan("z2", 10, dpd=100), loan("s", 100, region="Sichuan"), new, as_of=JUNE)
    assert effects(before, after)["growth"] < 0
    by_region = {name: effect for name, effect in effects(before, after, by="region").items() if effect}
    assert by_region == {"mix": Fraction(10, 300) - Fraction(10, 200)}


def test_a_loan_that_changes_region_leaves_one_and_enters_the_other() -> None:
    before = tape(loan("a", 50), loan("b", 50, dpd=100), loan("s", 100, region="Sichuan"))
    after = tape(loan("a", 50), loan("b", 50, dpd=130, region="Sichuan"), loan("s", 100, region="Sichuan"), as_of=JUNE)
    found = book.decompose(before, after, by="region")
    assert found.before == found.after
    assert sum(cause.loans for cause in found.causes) == 3


STATUS = st.sampled_from(["active", "active", "active", "restructured", "settled", "written_off", "sold"])
ROW = st.tuples(st.integers(0, 10**12), st.sampled_from([0, 5, 40, 80, 95, 300, 400]), STATUS, st.sampled_from("ZSG"))
HISTORY = st.tuples(st.none() | ROW, st.none() | ROW, st.sampled_from([date(2026, 1, 1), NEW]))


@settings(max_examples=60, deadline=None)
@given(st.lists(HISTORY, max_size=12), st.sampled_from(["", "region"]), st.sampled_from(["class", "dpd90"]))
def test_whatever_happens_the_parts_add_up_exactly(histories: list, by: str, basis: str) -> None:  # type: ignore[type-arg]
    sides: list[list[dict]] = [[loan("rest", 1_000)], [loan("rest", 900)]]  # type: ignore[type-arg]
    for n, (was, now, drawn) in enumerate(histories):
        for side, row in ((0, was if drawn < NEW else None), (1, now)):
            if row:
                fen, dpd, status, region = row
                sides[side].append(loan(f"l{n}", fen, dpd=dpd, status=status, region=region, drawn_on=drawn))
    before, after = tape(*sides[0]), tape(*sides[1], as_of=JUNE)
    found = book.decompose(before, after, basis=basis, by=by or None)
    column = {"class": "npl_fen", "dpd90": "npl90_fen"}[basis]
    ratios = [Fraction(int(m[column].item()), int(m["outstanding_fen"].item()))
              for m in (book.metrics(before, MAY), book.metrics(after, JUNE))]  # fmt: skip
    assert [found.before, found.after] == ratios
    assert sum((cause.effect for cause in found.causes), Fraction(0)) == ratios[1] - ratios[0]
    start, end = (int(book.metrics(side, on)["outstanding_fen"].item()) for side, on in ((before, MAY), (after, JUNE)))
    assert sum(cause.balance_fen for cause in found.causes) == end - start


def test_a_split_that_does_not_add_up_cannot_be_made() -> None:
    found = book.decompose(tape(loan("a", 10)), tape(loan("a", 10, dpd=100), as_of=JUNE))
    with pytest.raises(AssertionError):
        dataclasses.replace(found, after=found.after + 1)


@pytest.mark.parametrize(
    ("before", "after", "how", "message"),
    [
        (tape(loan("a", 5)), tape(loan("a", 5)), {}, "is not after 2026-05-31"),
        (tape(loan("a", 0)), tape(loan("a", 5), as_of=JUNE), {}, "the first tape has no balance"),
        (tape(loan("a", 5)), tape(loan("a", 5), as_of=JUNE), {"basis": "ifrs"}, "not a basis"),
        (tape(loan("a", 5)), tape(loan("a", 5), as_of=JUNE), {"by": "county"}, "has no such column"),
        (tape(loan("a", 5), loan("a", 5, as_of=JUNE)), tape(loan("a", 5), as_of=JUNE), {}, "give one snapshot"),
    ],
)
def test_what_cannot_be_split_is_refused(before: pl.DataFrame, after: pl.DataFrame, how: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=message):
        book.decompose(before, after, **how)
