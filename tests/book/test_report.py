from __future__ import annotations

import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from book_tapes import JUNE, MAY, loan, tape
from pypdf import PdfReader

from jiehuan import book
from jiehuan.units.errors import InputError
from jiehuan.units.tables import read_table

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "book"
OUTCOMES = [
    {"zh": "催收", "en": "Collection", "facts": [{"zh": "回收（元）", "en": "recovered", "value": "182,300 <b>"}]}
]


@pytest.fixture(scope="module")
def stack() -> pl.DataFrame:
    good, problems = book.read_tape(read_table(EXAMPLES / "stack.csv"))
    assert not problems
    return good


def text_of(pdf: bytes) -> str:
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_figures_are_plain_and_agree_with_the_metrics(stack: pl.DataFrame) -> None:
    made = book.figures(stack, JUNE, lender="示例", outcomes=OUTCOMES)
    assert json.loads(json.dumps(made)) == made
    assert made["totals"]["outstanding_fen"] == book.metrics(stack, JUNE)["outstanding_fen"].item()
    assert made["previous"]["as_of"] == "2026-05-31"
    assert [row["on"] for row in made["series"]][-1] == "2026-06-30"
    change = made["totals"]["npl_ratio"] - made["previous"]["npl_ratio"]
    assert made["decomposition"]["change"] == pytest.approx(change)
    assert sum(cause["effect"] for cause in made["decomposition"]["causes"]) == pytest.approx(change)
    assert sum(row["outstanding_fen"] for row in made["regions"]) == made["totals"]["outstanding_fen"]


def test_the_future_is_not_in_the_figures(stack: pl.DataFrame) -> None:
    made = book.figures(stack, MAY)
    assert made["series"][-1]["on"] == "2026-05-31"
    assert all(row["vintage"] <= "2026-05-01" for row in made["vintage"])


def test_the_report_shows_the_figures_in_pdf_and_html(stack: pl.DataFrame) -> None:
    made = book.figures(stack, JUNE, lender="示例消费金融", outcomes=OUTCOMES)
    pdf, page = book.report(made)
    text = text_of(pdf)
    ratio = f"{100 * made['totals']['npl_ratio']:.2f}%"
    for words in ("资产质量报告", "示例消费金融", ratio, "Zhejiang", "增长稀释", "催收", "182,300"):
        assert words in text, words
        assert words in page, words
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 2
    assert page.count("data:image/svg+xml;base64,") == 8
    assert "182,300 &lt;b&gt;" in page  # text, not markup
    assert not re.search(r'(src|href)="(?!data:)', page)  # loads nothing


def test_equal_figures_give_equal_bytes(stack: pl.DataFrame) -> None:
    made = book.figures(stack, JUNE)
    assert book.report(made) == book.report(json.loads(json.dumps(made)))


def test_a_young_book_has_a_report_too() -> None:
    made = book.figures(tape(loan("a", 0, status="settled")), MAY)
    assert made["decomposition"] is None
    assert made["roll"] is None
    pdf, page = book.report(made)
    assert pdf.startswith(b"%PDF")
    assert "资产质量报告" in page


def test_figures_without_a_part_are_refused() -> None:
    with pytest.raises(InputError, match="series"):
        book.report({"on": date(2026, 6, 30), "totals": {}, "vintage": [], "regions": [], "products": []})


def test_the_commands_answer_on_the_examples(cli: Any, tmp_path: Path) -> None:
    found = cli("book", "metrics", EXAMPLES / "june.csv", "--on", "2026-06-30", "--by", "region", "--json")
    assert found.returncode == 0, found.stderr
    assert {row["region"] for row in json.loads(found.stdout)["metrics"]} >= {"Zhejiang", "Sichuan"}
    split = cli("book", "decompose", EXAMPLES / "may.csv", EXAMPLES / "june.csv", "--json")
    answer = json.loads(split.stdout)
    assert sum(cause["effect"] for cause in answer["causes"]) == pytest.approx(answer["change"], abs=1e-12)
    rolled = cli("book", "roll", EXAMPLES / "may.csv", EXAMPLES / "june.csv")
    assert "M3+" in rolled.stdout
    aged = cli("book", "vintage", EXAMPLES / "stack.csv", "--out", tmp_path / "v.parquet", "--json")
    assert json.loads(aged.stdout)["vintage"]
    assert (tmp_path / "v.parquet").exists()
    made = cli("book", "report", EXAMPLES / "stack.csv", "--out", tmp_path / "r")
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "r" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_the_commands_refuse_what_they_cannot_use(cli: Any, tmp_path: Path) -> None:
    assert cli("book", "metrics", tmp_path / "absent.csv").returncode == 2
    swapped = cli("book", "decompose", EXAMPLES / "june.csv", EXAMPLES / "may.csv")
    assert (swapped.returncode, "give the earlier tape first" in swapped.stderr) == (2, True)
    early = cli("book", "metrics", EXAMPLES / "june.csv", "--on", "2020-01-01", "--json")
    assert json.loads(early.stdout)["problems"][0]["mend"] == "the tape begins on 2026-06-30"
    bad = tmp_path / "bad.csv"
    bad.write_text((EXAMPLES / "june.csv").read_text().replace("active", "actve", 1))
    some = cli("book", "metrics", bad, "--json")
    assert (some.returncode, len(json.loads(some.stdout)["left_out"])) == (1, 1)
