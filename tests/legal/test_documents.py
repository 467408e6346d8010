from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from docx import Document
from pypdf import PdfReader

from jiehuan import legal
from jiehuan.legal import typeset as typesetting
from jiehuan.legal.documents import contract_pdf, cost_sheet_pdf, demand_letter_pdf, docx_text, pleading_docx
from jiehuan.legal.words import yuan_in_capitals
from jiehuan.units.errors import InputError, JiehuanError


def text_of(pdf: bytes) -> str:
    """The text of a PDF without its spaces and line ends."""
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_this_machine_sets_chinese() -> None:
    found = legal.lettering()
    assert found.chinese, "install the font wheel pylopdf-fonts-zh-cn or the system's Noto CJK fonts"
    assert found.source in {"wheel", "system"}


def test_the_contract_states_its_terms_schedule_and_law(contract: dict[str, Any]) -> None:
    text = text_of(contract_pdf(contract))
    for words in (
        "个人消费借款合同", "JH-2026-000123", "张某某", "330102199001010000", "10,000.00元", "大写：壹万元整", "18.00%", "等额本息",
        "担保费100.00元", "23.40%", "2027-08-31", "916.80", "916.81", "11,101.61",
        "《个人信息保护法》第二十四条", "每日22:00至次日08:00", "第五百六十一条", "Personalconsumerloancontract",
    ):  # fmt: skip
        assert words in text, words
    assert "年化综合融资成本不超过24.00%" in text


def test_the_cost_sheet_shows_the_all_in_rate_and_every_cost(contract: dict[str, Any]) -> None:
    text = text_of(cost_sheet_pdf(contract))
    apr = float(contract["schedule"]["apr"])
    # Interest 1,001.61 and the fee of 100.00 make 1,101.61 on 10,000.
    for words in (
        "贷款综合融资成本明示表",
        f"{100 * apr:.2f}%",
        "1,001.61",
        "100.00",
        "1,101.61",
        "23.40%",
        "金规〔2026〕2号",
    ):
        assert words in text, words
    assert apr > 0.18


def test_a_cost_paid_on_the_day_of_drawing_lowers_what_is_received(contract: dict[str, Any]) -> None:
    contract["terms"]["fees"][0]["on"] = "2026-08-31"
    assert "9,900.00" in text_of(cost_sheet_pdf(contract))


def test_a_foreign_lender_has_no_mainland_clauses(contract: dict[str, Any]) -> None:
    text = text_of(contract_pdf(contract | {"lender_type": "other"}))
    assert "年化综合融资成本不超过" not in text


def test_the_same_values_give_the_same_bytes(contract: dict[str, Any]) -> None:
    assert contract_pdf(contract) == contract_pdf(contract)
    assert contract_pdf(contract) != contract_pdf(contract | {"contract_no": "JH-2"})


def test_every_missing_or_malformed_value_is_named(contract: dict[str, Any]) -> None:
    del contract["lender"]["name"]
    contract["terms"]["principal"] = "ten thousand"
    contract["terms"]["method"] = "ballon"
    contract["schedule"]["schedule"][2]["due"] = "2026-02-30"
    with pytest.raises(InputError) as refused:
        contract_pdf(contract)
    assert {problem.where for problem in refused.value.problems} == {
        "contract: lender.name",
        "contract: terms.principal",
        "contract: terms.method",
        "contract: schedule.schedule 3: due",
    }


def test_names_with_typst_marks_are_text_and_not_code(contract: dict[str, Any]) -> None:
    contract["borrower"]["name"] = '#panic("x") *_$ [[ \\'
    assert '#panic("x")' in text_of(contract_pdf(contract))


def test_without_a_chinese_font_the_contract_is_english_and_says_so(
    contract: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = typesetting.Lettering("", "", None, "none")
    monkeypatch.setattr(typesetting, "lettering", lambda: bare)
    text = text_of(contract_pdf(contract))
    assert "NoChinesefontwasfound" in text
    assert "Thelenderpaysthewholeprincipal" in text


def test_a_template_that_cannot_be_set_is_said_with_its_name(tmp_path: Any) -> None:
    broken = typesetting.PACKAGE / "legal" / "documents" / "contract.typ"
    with pytest.raises(JiehuanError, match=r"contract\.typ.*contract_no"):
        typesetting.typeset(broken, {}, date(2026, 1, 1))
    outside = tmp_path / "broken.typ"
    outside.write_text("#let x = ")
    with pytest.raises(JiehuanError, match=r"broken\.typ"):
        typesetting.typeset(outside, {}, date(2026, 1, 1))


def test_the_pack_holds_every_file_and_the_digests_of_evidence(document: dict[str, Any]) -> None:
    files = legal.pack(legal.case(document), {"../../etc/签收.txt": b"signed", "a.png": b"\x89PNG"})
    assert sorted(files) == [
        "case.json", "dates.pdf", "demand-letter.pdf", "evidence-list.pdf", "evidence/01-签收.txt", "evidence/02-a.png",
        "pleading.docx", "pleading.pdf",
    ]  # fmt: skip
    digest = json.loads(files["case.json"])["files"]["evidence/01-签收.txt"]
    assert digest in text_of(files["evidence-list.pdf"])
    assert "民事起诉状" in text_of(files["pleading.pdf"])
    assert "第一百八十八条" in text_of(files["dates.pdf"])
    assert files == legal.pack(legal.case(document), {"../../etc/签收.txt": b"signed", "a.png": b"\x89PNG"})


def test_a_payment_order_has_its_own_form_and_a_third_of_the_fee(document: dict[str, Any]) -> None:
    case = legal.case(document | {"accelerate": False})
    text = text_of(legal.pack(case)["payment-order.pdf"])
    assert "支付令申请书" in text
    assert "52.88" in text  # a third of 50 + (14,345.55 - 10,000) x 2.5 % = 158.64
    assert "督促其给付" in text


def test_word_and_pdf_say_the_same(document: dict[str, Any]) -> None:
    case = legal.case(document)
    written = pleading_docx(case)
    word = "".join(docx_text(written).split())
    pdf = text_of(legal.pack(case)["pleading.pdf"])
    for words in ("22,940.92", "要求提前还款", "330102199001010000", "按年利率24.00%", "另附页，共8项"):
        assert words in word, words
        assert words in pdf, words
    opened = Document(io.BytesIO(written))
    assert opened.tables[0].rows[0].cells[0].text == "当事人信息"
    assert opened.core_properties.title == "民事起诉状"


def test_the_letter_of_demand_states_what_is_due_and_the_way_out(document: dict[str, Any]) -> None:
    case = legal.case(document)
    text = text_of(demand_letter_pdf(case))
    assert "2026-06-30" in text  # fifteen days
    assert "申请个性化还款安排" in text
    assert "第一百九十五条" in text
    assert "14,345.55" in text  # overdue instalments and penalty, not the whole debt


def test_a_long_schedule_runs_over_pages_with_its_head_repeated(contract: dict[str, Any]) -> None:
    from jiehuan.loan import make_schedule, read_terms

    contract["terms"] |= {"months": 60, "fees": []}
    contract["schedule"] = make_schedule(read_terms(contract["terms"])).as_document()
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(contract_pdf(contract))).pages]
    assert sum("应还合计" in page for page in pages) == 2
    assert "2031-08-31" in pages[-1]


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"), (5, "伍分"), (50, "伍角整"), (101, "壹元零壹分"), (110, "壹元壹角整"), (10_640, "壹佰零陆元肆角整"),
        (1_000_000, "壹万元整"), (10_000_500, "壹拾万零伍元整"), (10_001_000, "壹拾万零壹拾元整"), (10_000_000_100, "壹亿零壹元整"),
        (12_345_678_912, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖元壹角贰分"), (-5, "负伍分"),
    ],
)  # fmt: skip
def test_amounts_in_capital_numerals(fen: int, words: str) -> None:
    assert yuan_in_capitals(fen) == words


def test_the_form_of_a_micro_lender_is_named_for_small_loans(document: dict[str, Any]) -> None:
    document["lender_type"] = document["loan"]["lender_type"] = "micro_lender"
    assert "小额借款合同纠纷" in text_of(legal.pack(legal.case(document))["pleading.pdf"])


def test_an_accelerated_loan_says_when_it_was_called_in(document: dict[str, Any]) -> None:
    document["loan"]["events"].append({"id": "a", "on": "2026-06-01", "kind": "accelerate"})
    case = replace(legal.case(document))
    assert case.last_due == date(2026, 6, 1)
    assert "2026-06-01依合同提前到期条款" in text_of(legal.pack(case)["payment-order.pdf"])
