"""What a borrower is told, and prices that must not differ without a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from jiehuan.law import law_on
from jiehuan.line import LineAccount, default_params, notice, review
from jiehuan.line.fairness import grade_prices
from jiehuan.line.notice import KINDS
from jiehuan.store.audit.personal import personal_data
from jiehuan.units.errors import InputError

TODAY = date(2026, 11, 24)
LENDER = {"name_zh": "示例消费金融有限公司", "name_en": "Example Consumer Finance", "phone": "95000"}
WHY = {"zh": "连续 6 个月按时还款", "en": "6 months on time"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_notice_says_what_when_why_and_where_to_turn(kind: str, language: str) -> None:
    old, new = (180_000, 210_000) if kind.startswith("price") else (1_000_000, 1_200_000)
    told = notice(kind, old, new, date(2026, 12, 9), WHY, LENDER, language)
    said = ("18%", "21%") if kind.startswith("price") else ("10000.00", "12000.00")
    for part in (*said, "2026-12-09", WHY[language], LENDER[f"name_{language}"], "95000"):
        assert part in told.text
    assert said[1] in told.subject and "{" not in told.subject + told.text
    assert personal_data(told.text) == []
    if kind != "price_down" and language == "zh":
        assert "说明理由" in told.text, "PIPL art. 24: the right to an explanation"
    if kind == "price_up":
        assert ("利率不变" if language == "zh" else "keep their rate") in told.text


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(InputError, match="no notice of that kind"):
        notice("gift", 1, 2, TODAY, WHY, LENDER, "zh")


def test_prices_by_grade_alone_and_a_planted_difference_is_found() -> None:
    law, params = law_on(TODAY, "micro_lender"), default_params()
    lines = [
        LineAccount(f"b{n}", 1_000_000, (120_000, 180_000, 240_000)[n % 3], 400_000, 0.005 + 0.004 * (n % 40), months_on_book=n % 30,
                    months_clean=n % 12, income_fen=500_000 + n * 1000, dpd=40 if n == 7 else 0)
        for n in range(300)
    ]  # fmt: skip
    reviewed = [(line, review(line, law, params)) for line in lines]
    prices, problems = grade_prices(reviewed, params)
    assert problems == []
    assert sum(one.lines + one.closed for one in prices) == 300 and sum(one.closed for one in prices) == 1
    assert all(one.high_ppm <= one.rate_ppm for one in prices if one.lines)
    line, decision = reviewed[0]
    dearer = replace(decision, new_rate_ppm=decision.new_rate_ppm + 10_000)
    twin = (replace(line, borrower_id="loyal"), dearer)
    _, problems = grade_prices([*reviewed, twin], params)
    assert {"line loyal, rate"} == {problem.where for problem in problems}
    said = "\n".join(map(str, problems))
    assert "above the price of its grade" in said and "who stands alike" in said
