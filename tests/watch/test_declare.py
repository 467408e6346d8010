"""Declarations are checked whole: every fault is named with its place and its mend; the rule language is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jiehuan.units.errors import InputError
from jiehuan.watch import Engine, load_signals, read_signals
from jiehuan.watch.expression import Op, compile_expression, parse, parse_duration

GOOD = {
    "kinds": {"pay": {}},
    "features": {"n": {"of": "count", "stream": "pay", "window": "1h"}},
    "rules": {"r": {"on": ["pay"], "when": "n >= 1", "zh": "有", "en": "yes"}},
}


def test_the_shipped_declaration_is_sound_and_says_everything_twice() -> None:
    declared = load_signals()
    assert {"debit_failed", "partial_payment", "pay_day_missed", "cash_out_burst", "new_payees", "night_activity"} <= {
        r.name for r in declared.rules
    }
    for rule in declared.rules:
        assert rule.zh != rule.en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in rule.zh)
    assert declared.horizon >= 180 * 86_400 + declared.lateness


def test_every_fault_is_told_at_once_with_place_and_mend() -> None:
    with pytest.raises(InputError) as refusal:
        read_signals(
            {
                "zone": "Asia/Shangai",
                "kinds": {"pay": {}},
                "windows": {},
                "streams": {"s": {"kinds": ["pya"], "hours": [25, 6], "least": "-1"}},
                "features": {
                    "a": {"of": "cuont", "stream": "pay", "window": "1h"},
                    "b": {"of": "sum", "stream": "pai", "window": "1 hour"},
                    "c": {"value": "a / unknown_feature"},
                    "amount": {"of": "sum", "stream": "pay", "window": "1h"},
                    "q": {"of": "sequence", "steps": ["pay"], "window": "1h"},
                },
                "rules": {"r": {"on": ["tock"], "when": "a >", "severity": "high", "en": "{zzz}"}, "s": []},
            },
            "x.yaml",
        )
    said = "\n".join(str(problem) for problem in refusal.value.problems)
    for part in (
        "unknown time zone", "'windows': unknown key", "did you mean pay?", "not two hours of the day", "below 0.00", "did you mean count?",
        "'1 hour': not a duration", "no feature of that name", "not a usable name", "fewer than two steps", "did you mean tick?",
        "not an expression", "unknown severity", "no sentence", "not a rule",
    ):  # fmt: skip
        assert part in said, part
    assert all(problem.where.startswith("x.yaml") for problem in refusal.value.problems)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "n.real", "n[0]", "lambda: n", "n if n else n", "[n]", "n ** n", "n < n < n", "open('x')", "min(n)", "min(n, n, key=n)",
        "n := 1", "'a' == 'a'", "n @ n", "f'{n}'", "n; n", "(" * 30 + "n" + ")" * 30 + "+" * 30 + "n", "n and " * 500 + "n", "", "n # c\nn",
    ],
)  # fmt: skip
def test_nothing_but_the_rule_language_is_accepted(text: str) -> None:
    with pytest.raises(InputError):
        parse(text, "when", ["n"])


def value(text: str, count: int, amount: int = 0) -> bool:
    """Whether a rule with this condition fires at the ``count``-th event."""
    from datetime import UTC, datetime, timedelta

    from jiehuan.watch import Event

    declared = read_signals(
        {
            "kinds": {"pay": {}},
            "features": {
                "n": {"of": "count", "stream": "pay", "window": "1h"}, "gap": {"of": "since", "stream": "pay", "window": "1h"},
                "half": {"value": "n / 2"}, "nothing": {"value": "n / (n - n)"},
            },
            "rules": {"r": {"on": ["pay"], "when": text, "zh": "有", "en": "yes"}},
        }
    )  # fmt: skip
    engine = Engine(declared)
    at = datetime(2026, 11, 2, 2, tzinfo=UTC)
    alerts = [engine.process(Event(f"e{i}", "a", at + timedelta(minutes=i), "pay", amount)) for i in range(count)]
    return bool(alerts[-1])


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("n == 3", True), ("n != 3", False), ("n > 2 and n < 4", True), ("n > 3 or n < 2", False), ("not n > 3", True), ("half == 1.5", True),
        ("-n < -2", True), ("max(n, 10) == 10 and min(n, 10) == 3", True), ("abs(1 - n) == 2", True), ("2 * n + 1 == 7", True),
        ("gap == 60s", True), ("gap < 1min", False), ("gap <= 0.5h", True), ("amount == 12.34", True), ("hour == 10 + 2 / 60", True),
        ("nothing > 0", False), ("nothing <= 0", False), ("nothing != 0", False), ("has(nothing)", False), ("not has(nothing) and has(n)", True),
        ("nothing > 0 or n == 3", True), ("max(nothing, 1) >= 1", False), ("n > 1 and (n > 5 or n == 3) and not n == 4", True),
    ],
)  # fmt: skip
def test_the_rule_language_means_what_it_says(text: str, met: bool) -> None:
    assert value(text, 3, 1234) is met


def test_durations_are_whole_numbers_with_a_unit() -> None:
    assert [parse_duration(text, "w") for text in ("45s", "90min", "24h", "180d")] == [45, 5400, 86_400, 15_552_000]
    for text in ("1.5h", "24", "h", "-1h", "1w", None, 24, "１h"):
        with pytest.raises(InputError):
            parse_duration(text, "w")


def test_short_circuits_jump_over_whole_parts() -> None:
    program = compile_expression(parse("n > 1 and n > 2 and n > 3", "w", ["n"]), {"n": 0}, {})
    jumps = [(place, length) for place, (op, length, _) in enumerate(program.steps) if op == Op.JUMP_IF_FALSE]
    assert [place + length for place, length in jumps] == [len(program.steps)] * 2


def test_a_file_that_is_no_declaration_is_refused(tmp_path: Path) -> None:
    for name, text in (("a.yaml", "- 1"), ("b.yaml", "kinds: [unclosed"), ("c.yaml", "kinds: {}"), ("d.yaml", "")):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(InputError, match=name):
            load_signals(path)
    (tmp_path / "latin.yaml").write_bytes(b"kinds: {p\xe9: {}}")
    for path in (tmp_path / "latin.yaml", tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(InputError):
            load_signals(path)


def test_what_changes_an_answer_changes_the_version() -> None:
    base = read_signals(GOOD).version
    assert read_signals({**GOOD, "lateness": "1h"}).version != base
    rules = {"r": {**GOOD["rules"]["r"], "when": "n >= 2"}}
    assert read_signals({**GOOD, "rules": rules}).version != base
    assert read_signals({**GOOD, "rules": {"r": {**GOOD["rules"]["r"], "en": "other words"}}}).version == base
