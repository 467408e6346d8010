"""A program printed as one plain Python function: a row is decided in a few microseconds.

The function takes a mapping of every input as ``read_values`` gives it (None: not known) and returns a tuple: whether
an output node was reached, and the outputs in the program's order: numbers in their units, texts, truths, and for a
collecting table the set of its rows as bits. The source is kept, so that what runs can be read.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from jiehuan.policy.building import Hit, Let, Mask, Program
from jiehuan.policy.typed import Condition, Value

Decide = Callable[[Mapping[str, Any]], tuple[Any, ...]]


@dataclass
class _Printer:
    """Prints values and conditions; temporary names are counted, inputs noted as they are used."""

    often: Counter[Value]
    used: dict[str, None] = field(default_factory=dict)
    shared: dict[Value, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    temporary: int = 0

    def value(self, value: Value) -> str:
        """The value's text; one that stands in several places is computed once, before the statement."""
        if self.often[value] < 2:
            return self.text(value)
        if value not in self.shared:
            text = self.text(value)
            self.temporary += 1
            self.shared[value] = f"t{self.temporary}"
            self.before.append(f"t{self.temporary} = {text}")
        return self.shared[value]

    def text(self, value: Value) -> str:
        op, args = value.op, value.args
        if op == "const":
            return repr(args[0])
        if op == "input":
            self.used[args[0]] = None
            return f"x_{args[0]}"
        if op == "var":
            return str(args[0])
        if op == "scale":
            if not args[0].nullable:
                return f"({self.value(args[0])} * {args[1]})"
            name, test = self.simple(args[0])
            return f"(None if {test} is None else {name} * {args[1]})"
        if op == "if":
            return f"({self.value(args[1])} if {self.condition(args[0])} else {self.value(args[2])})"
        if op == "coalesce":
            name, test = self.simple(args[0])
            return f"({name} if {test} is not None else {self.value(args[1])})"
        if op == "truth":
            return self.condition(args[0])
        if op == "count":
            return f"{self.value(args[0])}.bit_count()"
        return self.number(value)

    def number(self, value: Value) -> str:
        op, args = value.op, value.args
        if op in {"add", "subtract", "multiply"}:
            sign = {"add": "+", "subtract": "-", "multiply": "*"}[op]
            return f"({self.value(args[0])} {sign} {self.value(args[1])})"
        if op == "negate":
            return f"(-{self.value(args[0])})"
        if op == "abs":
            return f"abs({self.value(args[0])})"
        if op in {"min", "max"}:
            return self.extreme("<" if op == "min" else ">", [self.value(arg) for arg in args])
        if op == "remainder":
            way = "{} % {}" if args[0].low >= 0 else "_remainder({}, {})"
            return f"({way.format(self.value(args[0]), self.value(args[1]))})"
        way, above, below = args
        top, bottom = self.value(above), self.value(below)
        if way == "floor" or (way == "trunc" and above.low >= 0):
            return f"({top} // {bottom})"
        if way == "ceil":
            return f"(-(-{top} // {bottom}))"
        return f"_{way}({top}, {bottom})"

    def extreme(self, sign: str, texts: list[str]) -> str:
        """The least or greatest by comparisons: several times faster than a call."""
        result = texts[0]
        for text in texts[1:]:
            self.temporary += 2
            a, b = f"t{self.temporary - 1}", f"t{self.temporary}"
            result = f"({a} if ({a} := {result}) {sign} ({b} := {text}) else {b})"
        return result

    def simple(self, value: Value) -> tuple[str, str]:
        """A name for a value and what to test it by: itself, or an assignment the first time."""
        text = self.value(value)
        if value.op in {"const", "input", "var"} or value in self.shared:
            return text, text
        self.temporary += 1
        name = f"t{self.temporary}"
        return name, f"({name} := {text})"

    def condition(self, condition: Condition) -> str:
        op, args = condition.op, condition.args
        if op in {"true", "false"}:
            return "True" if op == "true" else "False"
        if op in {"and", "or"}:
            return f"({f' {op} '.join(self.condition(part) for part in args)})"
        if op == "not":
            return f"(not {self.condition(args[0])})"
        if op == "compare":
            return self.comparison(*args)
        if op == "same":
            return f"{self.value(args[0])} == {self.value(args[1])}"
        if op == "null":
            return f"{self.value(args[0])} is None"
        if op == "is":
            text = self.value(args[0])
            if args[0].nullable:
                return f"{text} is {args[1]}"
            return text if args[1] else f"(not {text})"
        way, value, part = args
        text = self.value(value)
        return f"({part!r} in {text})" if way == "contains" else f"{text}.{way.lower()}({part!r})"

    def comparison(self, sign: str, left: Value, right: Value) -> str:
        guards: list[str] = []
        sides: list[str] = []
        for side in (left, right):
            if side.nullable:
                name, test = self.simple(side)
                guards.append(f"{test} is not None")
                sides.append(name)
            else:
                sides.append(self.value(side))
        tested = f"{sides[0]} {sign} {sides[1]}"
        return f"({' and '.join([*guards, tested])})" if guards else tested


def print_source(program: Program) -> str:
    """The program as the source of a function ``decide(row)``."""
    printer = _Printer(_often(program))
    body: list[str] = []
    for step in program.steps:
        lines: list[str] = []
        if isinstance(step, Let):
            lines.append(f"{step.name} = {printer.value(step.value)}")
        elif isinstance(step, Mask):
            lines.append(f"{step.name} = 0")
            for bit, condition in enumerate(step.rows):
                lines.append(f"if {printer.condition(condition)}: {step.name} |= {1 << bit}")
        else:
            lines.extend(_chain(printer, step))
        body.extend([*printer.before, *lines])
        printer.before.clear()
    results = ", ".join(printer.value(value) for value in program.outputs.values())
    reached = printer.condition(program.reached)
    names = ", ".join(f"x_{name}" for name in printer.used)
    inputs = program.policy.inputs
    scaled = [f"x_{name} = {_units(name, inputs[name].scale)}" for name in printer.used if inputs[name].scale]
    loads = [f"{names}, = inputs(row)"] if names else []
    lines = [*loads, *scaled, *body, *printer.before, f"return ({reached}, {results},)"]
    order = ", ".join(repr(name) for name in printer.used)
    return (
        f"INPUTS = ({order}{',' if order else ''})\n\ndef decide(row, inputs=inputs):\n"
        + "\n".join(f"    {line}" for line in lines)
        + "\n"
    )


def _often(program: Program) -> Counter[Value]:
    """How often each computed value is asked for over the whole program."""
    counts: Counter[Value] = Counter()

    def visit(part: Any) -> None:
        if isinstance(part, Value):
            if part.op in {"const", "input", "var"}:
                return
            counts[part] += 1
            if counts[part] > 1:
                return
        if isinstance(part, (Value, Condition)):
            for arg in part.args:
                visit(arg)
        elif isinstance(part, tuple):
            for item in part:
                visit(item)

    for step in program.steps:
        if isinstance(step, Let):
            visit(step.value)
        else:
            visit(step.rows)
        if isinstance(step, Hit):
            visit(tuple((values, default) for _, _, values, default in step.outputs))
    visit(tuple(program.outputs.values()))
    return counts


def _chain(printer: _Printer, step: Hit) -> list[str]:
    """A first-hit table as an if-chain."""
    lines: list[str] = []
    word = "if"
    for number, condition in enumerate(step.rows):
        test = printer.condition(condition)
        assigned = "; ".join(f"{name} = {printer.value(values[number])}" for name, _, values, _ in step.outputs)
        if test == "True":
            return [*lines, f"else: {assigned or 'pass'}" if lines else (assigned or "pass")]
        lines.append(f"{word} {test}: {assigned or 'pass'}")
        word = "elif"
    assigned = "; ".join(f"{name} = {printer.value(default)}" for name, _, _, default in step.outputs)
    return [*lines, f"else: {assigned or 'pass'}"]


def _units(name: str, scale: int) -> str:
    return f"None if x_{name} is None else round(x_{name} * {10**scale})"


def compile_source(source: str) -> Decide:
    """The function of a printed source."""
    order = source.partition("\n")[0].removeprefix("INPUTS = ")
    names = ast.literal_eval(order)
    inputs = (lambda row: (row[names[0]],)) if len(names) == 1 else itemgetter(*names) if names else None
    space: dict[str, Any] = {"_trunc": _trunc, "_round": _round, "_remainder": _remainder, "inputs": inputs}
    exec(compile(source, "<policy>", "exec"), space)  # noqa: S102 - the source is printed from checked values only
    decide: Decide = space["decide"]
    return decide


def _trunc(above: int, below: int) -> int:
    return above // below if above >= 0 else -(-above // below)


def _round(above: int, below: int) -> int:
    size = (2 * abs(above) + below) // (2 * below)
    return size if above >= 0 else -size


def _remainder(above: int, below: int) -> int:
    return above % below if above >= 0 else -(-above % below)
