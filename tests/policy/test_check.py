"""What is found in a policy before its release; each finding has a test that plants the fault it is for."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from tests.policy.graphs import Graph, number, text, truth

from jiehuan.law import law_on
from jiehuan.policy import check_policy, default_policy, has_errors, load_policy, mainland_laws
from jiehuan.policy.check import Finding

ON = date(2026, 9, 1)
BASIC = {"pd": number(0, 1_000_000), "amount": number(1, 10**9, null=False)}


def decided(graph: Graph, limit: str = "100000", rate: str = "120000", outcome: str = "'approve'") -> dict[str, Any]:
    return graph.expressions("terms", limit_fen=limit, rate_ppm=rate, outcome=outcome).document()


def found(document: dict[str, Any], *codes: str, laws: Any = ()) -> list[Finding]:
    return [one for one in check_policy(load_policy(document, "test"), laws) if not codes or one.code in codes]


def test_the_shipped_policy_may_be_released_under_every_law() -> None:
    findings = check_policy(default_policy(), mainland_laws(ON))
    assert not has_errors(findings)
    assert [(one.level, one.code) for one in findings] == [("info", "unused")]


def test_a_gap_is_shown_with_an_input_that_falls_in_it() -> None:
    rows = [["< 100", "1"], ["> 100", "2"]]
    findings = found(decided(Graph(**BASIC).table("t", ["pd"], ["x"], rows)), "gap")
    assert findings[0].problem.where == "test, node 't'"
    assert findings[0].example in ({"pd": 100}, {"pd": None})
    assert "default" in findings[0].problem.mend
    with_default = [*rows, ["", "3"]]
    assert not found(decided(Graph(**BASIC).table("t", ["pd"], ["x"], with_default)), "gap")
    complete = [["null", "0"], ["<= 100", "1"], ["> 100", "2"]]
    assert not found(decided(Graph(**BASIC).table("t", ["pd"], ["x"], complete)), "gap"), "complete without a default row"


def test_a_gap_over_two_columns() -> None:
    fields = {**BASIC, "kind": text("a", "b", null=False), "amount": number(1, 10, null=False)}
    rows = [["'a'", "<= 5", "1"], ["'b'", "", "2"]]
    findings = found(decided(Graph(**fields).table("t", ["kind", "amount"], ["x"], rows)), "gap")
    assert findings[0].example == {"kind": "a", "amount": 6}


def test_a_row_behind_wider_ones_is_unreachable() -> None:
    rows = [["<= 50", "1"], ["> 20", "2"], ["[10..90]", "3"], ["", "4"]]
    findings = found(decided(Graph(**BASIC).table("t", ["pd"], ["x"], rows)), "unreachable")
    assert [one.problem.where for one in findings] == ["test, node 't', row 3"]


def test_a_row_that_matches_nothing_is_unreachable() -> None:
    rows = [["> 2000000", "'k'"], ["> 5 and < 3", "'m'"], ["> 5", "'n'"]]
    findings = found(decided(Graph(**BASIC).table("t", ["pd"], ["code"], rows, collect="flags")), "unreachable")
    assert [one.problem.where for one in findings] == ["test, node 't', row 1", "test, node 't', row 2"]


def test_rows_that_cross_are_told_and_nested_ones_are_not() -> None:
    fields = {"pd": number(0, 100, null=False), "amount": number(1, 100, null=False)}
    rows = [["<= 50", "", "1"], ["", "> 50", "2"], ["", "", "3"]]
    findings = found(decided(Graph(**fields).table("t", ["pd", "amount"], ["x"], rows)), "overlap")
    assert [one.problem.where for one in findings] == ["test, node 't', rows 1 and 2"]
    nested = [["<= 20", "", "1"], ["<= 50", "", "2"], ["", "", "3"]]
    assert not found(decided(Graph(**fields).table("t", ["pd", "amount"], ["x"], nested)), "overlap")


def test_a_table_on_a_comparison_of_two_fields_is_not_accused_of_completeness() -> None:
    fields = {"a": number(0, 9, null=False), "b": number(0, 9, null=False), **BASIC}
    findings = found(decided(Graph(**fields).table("t", ["a"], ["x"], [["> b", "1"], ["<= b", "2"]])), "gap")
    assert findings, "complete in truth, but not provable: a default row is asked for"
    assert "surely" in findings[0].problem.reason


def test_a_price_above_the_cap_is_found_with_its_row() -> None:
    rows = [["<= 50000", "180000"], ["", "360000"]]
    document = decided(Graph(**BASIC).table("t", ["pd"], ["band_rate"], rows), rate="band_rate")
    law = law_on(ON, "bank")
    findings = found(document, "cap", laws=(law,))
    assert [one.level for one in findings] == ["error"]
    assert "t row 2: 360000" in findings[0].problem.value
    assert "助贷" in findings[0].problem.citation
    assert not found(document, "cap", laws=(law_on(date(2024, 1, 1), "bank"),)), "no cap was in force that day"


def test_a_price_bounded_by_the_laws_own_input_is_proved_lawful() -> None:
    cap = {**number(0, 1_000_000), "x-law": "cost_cap"}
    graph = Graph(**BASIC, cap=cap).table("t", ["pd"], ["band_rate"], [["<= 50000", "180000"], ["", "360000"]])
    document = decided(graph, rate="min([band_rate, cap ?? band_rate])")
    assert not found(document, "cap", laws=mainland_laws(ON))


def test_a_limit_above_the_balance_cap_is_found() -> None:
    document = decided(Graph(**BASIC), limit="min([amount, 50000000])")
    findings = found(document, "cap", laws=(law_on(ON, "micro_lender"),))
    assert findings[0].level == "error"
    assert findings[0].example is not None
    assert findings[0].example["amount"] > 20_000_000
    assert not found(decided(Graph(**BASIC), limit="min([amount, 20000000])"), "cap", laws=(law_on(ON, "micro_lender"),))


def test_a_limit_that_forgets_the_balance_is_found() -> None:
    graph = Graph(**BASIC, outstanding_fen=number(0, 10**9))
    findings = found(decided(graph, limit="min([amount, 20000000])"), "cap", laws=(law_on(ON, "micro_lender"),))
    assert [one.code for one in findings] == ["cap"]


def test_a_student_who_is_not_refused_is_found_where_the_law_says_so() -> None:
    document = decided(Graph(**BASIC, is_student=truth()))
    assert found(document, "cap", laws=(law_on(ON, "micro_lender"),))
    assert not found(document, "cap", laws=(law_on(ON, "bank"),))


@pytest.mark.parametrize("field", ["age", "sex", "region"])
def test_a_price_set_by_a_person_s_traits_is_unfair(field: str) -> None:
    def graph() -> Graph:
        return Graph(**BASIC, **{field: number(0, 99)}).table("t", [field], ["extra"], [["> 40", "10000"], ["", "0"]])

    findings = found(decided(graph(), rate="120000 + extra"), "unfair_price")
    assert findings[0].problem.value == field
    assert "个人信息保护法" in findings[0].problem.citation
    assert not found(decided(graph(), outcome="extra > 0 ? 'review' : 'approve'"), "unfair_price"), "it may move the outcome"


def test_outputs_that_are_no_decision() -> None:
    document = Graph(**BASIC).expressions("e", outcome="'maybe'", limit_fen="amount / 8", other="1").document()
    told = {one.problem.where: one.problem.reason for one in found(document, "output")}
    assert told["test, output outcome"] == "not an outcome"
    assert told["test, output limit_fen"] == "may have fractions"
    assert told["test, output rate_ppm"] == "is not given"
    null = Graph(**BASIC).expressions("e", outcome="'approve'", limit_fen="pd", rate_ppm="0 - 5").document()
    told = {one.problem.where: one.problem.reason for one in found(null, "output")}
    assert told["test, output limit_fen"] == "may be without a value"
    assert told["test, output rate_ppm"] == "may be below 0"


def test_a_switch_without_a_default_leaves_inputs_undecided() -> None:
    graph = Graph(**BASIC).node("s", "switchNode", {"hitPolicy": "first", "statements": [{"id": "w", "condition": "pd > 5"}]})
    graph.expressions("e", chain=False, outcome="'approve'", limit_fen="1", rate_ppm="1").edge("s", "e", "w")
    graph.last = "e"
    assert [one.problem.reason for one in found(graph.document(), "gap")] == ["some inputs reach no output node"]


def test_unknown_reason_codes_and_unused_inputs_are_told() -> None:
    graph = Graph(**BASIC, shoe=number(20, 50)).table("t", ["pd"], ["code"], [["> 5", "'too_tall'"]], collect="refusals")
    findings = found(decided(graph, limit="amount"))
    assert {(one.level, one.code) for one in findings} == {("warning", "reason"), ("info", "unused")}


def test_expressions_that_cannot_be_compiled_bar_the_release() -> None:
    findings = found(decided(Graph(**BASIC), rate="pd * 2"))
    assert [(one.level, one.code) for one in findings] == [("error", "expression")]
    assert json.dumps(findings[0].as_document())


def test_a_wide_table_is_checked_in_time() -> None:
    fields = {f"f{n}": number(0, 1000) for n in range(8)}
    rows = [[*(f"> {100 * n + m}" if m == n % 8 else "" for m in range(8)), str(n)] for n in range(50)]
    document = decided(Graph(**fields, **BASIC).table("t", list(fields), ["x"], [*rows, [""] * 8 + ["99"]]))
    assert not found(document, "gap")


@pytest.mark.parametrize("ways", [2, 3, 4])
def test_the_ways_of_a_switch_that_ends_with_a_default_leave_nothing_out(ways: int) -> None:
    from jiehuan.policy import compile_policy, run

    statements = [{"id": f"s{n}", "condition": f"months > {12 * (ways - n)}" if n < ways else ""} for n in range(1, ways + 1)]
    document: dict[str, Any] = json.loads(json.dumps(dict(default_policy().document)))
    edge = next(each for each in document["edges"] if each["targetId"] == "derive")
    document["edges"].remove(edge)
    document["nodes"].append({
        "id": "way", "type": "switchNode", "name": "way", "position": {"x": 0, "y": 0},
        "content": {"hitPolicy": "first", "statements": statements},
    })  # fmt: skip
    into = [{"id": f"w{n}", "type": "edge", "sourceId": "way", "targetId": "derive", "sourceHandle": f"s{n}"} for n in range(1, ways + 1)]
    document["edges"] += [{**edge, "id": "w0", "targetId": "way"}, *into]
    policy = load_policy(document, "admission")
    assert not has_errors(check_policy(policy, mainland_laws(date(2026, 9, 1))))
    for months in (6, 20, 30, 60):
        values = {"amount_fen": 500_000, "months": months, "pd_ppm": 40_000, "age": 30}
        assert run(policy, values).outcome == compile_policy(policy).run(values).outcome
    statements.pop()
    document["edges"].pop()
    gap = check_policy(load_policy(document, "admission"))
    assert any("reach no output node" in finding.problem.reason for finding in gap)
