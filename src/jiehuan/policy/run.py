"""One input through a policy on the zen engine, with its trace: the executor that the other two must equal.

The engine evaluates the JDM graph as it stands. Inputs are read by the graph's own declarations first, so that a wrong
type is refused by name, and every executor sees the same values.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from jiehuan.policy.graph import OUTCOMES, Field, Policy, load_policy
from jiehuan.policy.reasons import Reason, explain
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import canonical_json

REASON_FIELDS = ("refusals", "flags", "notes")
"""The lists of reason codes a policy may give: why it refuses, why a person must look, what else counted."""


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What a policy decided. ``limit_fen`` and ``rate_ppm`` are None when it refused; ``outputs`` is all it gave."""

    outcome: str
    limit_fen: int | None
    rate_ppm: int | None
    reasons: tuple[Reason, ...]
    trace: tuple[Mapping[str, Any], ...]
    version: str
    outputs: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The result for JSON, with reasons as plain dictionaries."""
        return {**asdict(self), "reasons": [reason.as_dict() for reason in self.reasons], "trace": list(self.trace)}


def default_policy() -> Policy:
    """The admission policy that ships with jiehuan."""
    return shipped_policy("admission")


@lru_cache(maxsize=8)
def shipped_policy(name: str) -> Policy:
    """A policy of the ``graphs`` folder by its name."""
    return load_policy(Path(__file__).parent / "graphs" / f"{name}.json")


def run(policy: Policy, values: Mapping[str, Any]) -> PolicyResult:
    """Decide one input. ``values`` maps declared fields to values (absent: null); others are ignored.

    Raises InputError for values of the wrong type or out of the declared bounds, Refused when an expression fails.
    """
    known = read_values(policy.inputs, values)
    answer = _asked(policy, known)
    outputs = {name: _plain(value) for name, value in sorted(answer["result"].items()) if name not in policy.inputs}
    return as_result(policy, known, outputs, _trace(policy, answer["trace"]))


def simulate(policy: Policy, values: Mapping[str, Any]) -> dict[str, Any]:
    """One input with all that the engine tells of each node, for an editor: result, outputs, trace by node id, time taken.

    Raises as ``run``.
    """
    known = read_values(policy.inputs, values)
    answer = _asked(policy, known)
    outputs = {name: _plain(value) for name, value in sorted(answer["result"].items()) if name not in policy.inputs}
    told = as_result(policy, known, outputs, ())
    return {
        "outcome": told.outcome, "limit_fen": told.limit_fen, "rate_ppm": told.rate_ppm, "outputs": outputs,
        "reasons": [reason.as_dict() for reason in told.reasons], "trace": _plain(answer["trace"]),
        "performance": str(answer.get("performance") or ""),
    }  # fmt: skip


def as_result(
    policy: Policy, known: Mapping[str, Any], outputs: Mapping[str, Any], trace: Sequence[Mapping[str, Any]]
) -> PolicyResult:
    """The outputs of a graph as a result. Raises Refused when they are no decision."""
    outcome = outputs.get("outcome")
    problems = [
        Problem(f"{policy.name}, output {name}", str(outputs.get(name)), reason, "let the graph give this output")
        for name, bad, reason in (
            ("outcome", outcome not in OUTCOMES, f"a policy decides one of {', '.join(OUTCOMES)}"),
            (
                "limit_fen",
                not (outcome == "refuse" or _is_amount(outputs.get("limit_fen"))),
                "not a whole number of fen",
            ),
            (
                "rate_ppm",
                not (outcome == "refuse" or _is_amount(outputs.get("rate_ppm"))),
                "not whole millionths a year",
            ),
        )
        if bad
    ]
    if problems:
        raise Refused(problems)
    refused = outcome == "refuse"
    limit, rate = (None, None) if refused else (outputs["limit_fen"], outputs["rate_ppm"])
    lists = REASON_FIELDS[:1] if refused else REASON_FIELDS[1:]
    codes = [item["code"] for name in lists for item in outputs.get(name) or []]
    everything = {**known, **outputs}
    reasons = tuple(explain(code, everything) for code in dict.fromkeys(codes))
    return PolicyResult(str(outcome), limit, rate, reasons, tuple(trace), policy.version, outputs)


def read_values(fields: Mapping[str, Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """Every declared field with its value, rounded to its places, or None. Raises InputError naming wrong fields.

    >>> read_values({"age": Field("age", "number")}, {"age": 30, "shoe": 44})
    {'age': 30}
    """
    known: dict[str, Any] = dict.fromkeys(fields)
    problems: list[Problem] = []
    for name, declared in fields.items():
        value = values.get(name)
        if value is None or value != value:
            if not declared.nullable:
                problems.append(Problem(name, "", "is missing", f"give a {declared.kind}"))
            continue
        read = _value(declared, value)
        if read is None:
            bounds = f" between {declared.minimum} and {declared.maximum}" if declared.minimum is not None else ""
            choice = f" of {', '.join(declared.values)}" if declared.values else ""
            problems.append(
                Problem(
                    name, str(value)[:80], f"not a {declared.kind}{bounds}{choice}", "mend the value, or leave it out"
                )
            )
        else:
            known[name] = read
    if problems:
        raise InputError(problems)
    return known


def _value(declared: Field, value: Any) -> Any:
    if declared.kind == "boolean":
        return bool(value) if isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"} else None
    if declared.kind == "string":
        return value if isinstance(value, str) and (not declared.values or value in declared.values) else None
    units = in_units(value, declared.scale)
    if units is None:
        return None
    factor = 10**declared.scale
    if declared.minimum is not None and not declared.minimum * factor <= units:
        return None
    if declared.maximum is not None and not units <= declared.maximum * factor:
        return None
    return units if declared.scale == 0 else units / factor


def in_units(value: Any, scale: int) -> int | None:
    """A number in units of ``10**-scale``: half away from zero in double precision, as the columns do; None: no number.

    Whole-number fields take no fractions.
    """
    if isinstance(value, (bool, str)):
        return None
    if isinstance(value, int):
        return int(value) * int(10**scale)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(number) or abs(number) > 1e16 or (scale == 0 and not number.is_integer()):
        return None
    units = math.floor(abs(number) * 10**scale + 0.5)
    return int(units if number >= 0 else -units)


def _asked(policy: Policy, known: Mapping[str, Any]) -> dict[str, Any]:
    """The engine's answer, with its trace. Raises Refused naming the node that fails."""
    given = {name: value for name, value in known.items() if value is not None}
    try:
        answer: dict[str, Any] = _engine(_Graph(policy)).evaluate(given, {"trace": True})
    except RuntimeError as error:
        raise Refused(_engine_problem(policy, str(error))) from None
    return answer


class _Graph:
    """A policy's graph, told apart by its version, so that it is not written out for each decision."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Graph) and other.policy.version == self.policy.version

    def __hash__(self) -> int:
        return hash(self.policy.version)


@lru_cache(maxsize=32)
def _engine(graph: _Graph) -> Any:
    import zen

    return zen.ZenEngine().create_decision(canonical_json(graph.policy.document).decode())


def _engine_problem(policy: Policy, text: str) -> Problem:
    try:
        told = json.loads(text.splitlines()[0])
    except (json.JSONDecodeError, IndexError):
        return Problem(
            policy.name, "", text.splitlines()[0] if text else "the engine failed", "run `jiehuan policy check`"
        )
    node = next((node for node in policy.nodes if node.id == told.get("nodeId")), None)
    place = policy.place(node) if node else policy.name
    return Problem(place, "", str(told.get("source") or told.get("type")), "run `jiehuan policy check` on the graph")


def _trace(policy: Policy, steps: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Which row of each table matched and what each step gave, in order; without the engine's timings."""
    told: list[dict[str, Any]] = []
    for node in policy.nodes:
        step = steps.get(node.id)
        if step is None or node.kind in {"inputNode", "outputNode"}:
            continue
        data = step.get("traceData")
        entry: dict[str, Any] = {"node": node.id, "name": node.name}
        if node.kind == "decisionTableNode":
            hits = data if isinstance(data, list) else [data] if data else []
            entry["rows"] = [hit["index"] for hit in hits]
        elif node.kind == "switchNode":
            entry["ways"] = [statement["id"] for statement in (data or {}).get("statements", [])]
        else:
            keys = [one.get("key") for one in node.content.get("expressions") or []]
            entry["values"] = {key: _plain(data[key]["result"]) for key in keys if key in (data or {})}
        told.append(entry)
    return told


def _plain(value: Any) -> Any:
    """The engine's numbers as int where they are whole, at most six places else."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 12)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _is_amount(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
