"""Graphs for tests, built as the editor would write them; and random ones out of the compilable part of the language."""

from __future__ import annotations

import json
import random
from typing import Any


def schema(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def number(low: int, high: int, *, null: bool = True, step: float | None = None) -> dict[str, Any]:
    kind = "integer" if step is None else "number"
    declared: dict[str, Any] = {"type": [kind, "null"] if null else kind, "minimum": low, "maximum": high}
    if step is not None:
        declared["multipleOf"] = step
    return declared


def text(*values: str, null: bool = True) -> dict[str, Any]:
    declared: dict[str, Any] = {"type": ["string", "null"] if null else "string"}
    if values:
        declared["enum"] = [*values, *([None] if null else [])]
    return declared


def truth(*, null: bool = True) -> dict[str, Any]:
    return {"type": ["boolean", "null"] if null else "boolean"}


class Graph:
    """A chain of nodes from the input on; branches are drawn with ``edge``."""

    def __init__(self, **fields: Any) -> None:
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.last: str | None = None
        self.node("in", "inputNode", {"schema": json.dumps(schema(**fields))})

    def node(self, name: str, kind: str, content: dict[str, Any] | None = None, *, chain: bool = True) -> Graph:
        entry: dict[str, Any] = {"id": name, "type": kind, "name": name, "position": {"x": 0, "y": 0}}
        if content is not None:
            entry["content"] = content
        self.nodes.append(entry)
        if chain and self.last is not None:
            self.edge(self.last, name)
        if chain:
            self.last = name
        return self

    def edge(self, source: str, target: str, handle: str = "") -> Graph:
        edge = {"id": f"e{len(self.edges)}", "type": "edge", "sourceId": source, "targetId": target}
        if handle:
            edge["sourceHandle"] = handle
        self.edges.append(edge)
        return self

    def expressions(self, name: str, /, *, passes: bool = True, chain: bool = True, **values: str) -> Graph:
        entries = [{"id": f"{name}-{key}", "key": key, "value": value} for key, value in values.items()]
        return self.node(name, "expressionNode", {"expressions": entries, "passThrough": passes}, chain=chain)

    def table(
        self,
        name: str,
        inputs: list[str],
        outputs: list[str],
        rows: list[list[str]],
        *,
        collect: str = "",
        passes: bool = True,
        chain: bool = True,
    ) -> Graph:
        ins = [{"id": f"i{n}", "name": field, "field": field} for n, field in enumerate(inputs)]
        outs = [{"id": f"o{n}", "name": field, "field": field} for n, field in enumerate(outputs)]
        columns = [one["id"] for one in (*ins, *outs)]
        rules = [{"_id": f"r{n}", **dict(zip(columns, row, strict=True))} for n, row in enumerate(rows)]
        content: dict[str, Any] = {
            "hitPolicy": "collect" if collect else "first", "inputs": ins, "outputs": outs, "rules": rules, "passThrough": passes,
        }  # fmt: skip
        if collect:
            content["outputPath"] = collect
        return self.node(name, "decisionTableNode", content, chain=chain)

    def document(self) -> dict[str, Any]:
        nodes, edges = list(self.nodes), list(self.edges)
        if not any(node["type"] == "outputNode" for node in nodes):
            nodes.append({"id": "out", "type": "outputNode", "name": "out", "position": {"x": 0, "y": 0}})
            edges.append({"id": "last", "type": "edge", "sourceId": self.last, "targetId": "out"})
        return {"name": "test", "nodes": nodes, "edges": edges}


FIELDS = {
    "a": number(-50, 50),
    "b": number(0, 1000, null=False),
    "c": number(-5, 5, step=0.01),
    "d": number(1, 9, null=False, step=0.1),
    "s": text("x", "y", "z"),
    "t": text(null=False),
    "p": truth(),
    "q": truth(null=False),
}


class Random:
    """Random expressions of the part, mostly compilable; whatever is refused is tried again by the caller."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numbers = ["b", "d", "(a ?? 3)", "(c ?? 0.25)", "(a ?? b)"]
        self.loose = ["a", "c", "b", "d"]

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def literal(self) -> str:
        return self.pick("0", "1", "2", "3", "7", "10", "-4", "0.5", "2.25", "100", "1.2", "-0.01")

    def numeric(self, depth: int = 2) -> str:
        if depth == 0 or self.random.random() < 0.25:
            return self.pick(*self.numbers, self.literal())
        x, y = self.numeric(depth - 1), self.numeric(depth - 1)
        return self.pick(
            f"{x} + {y}", f"{x} - {y}", f"({x}) * ({y})", f"({x}) / {self.pick('2', '4', '5', '8', '10', '1.25', '-2')}",
            f"floor({x})", f"ceil({x})", f"round({x})", f"round({x}, 1)", f"trunc({x})", f"abs({x})", f"-({x})",
            f"min([{x}, {y}])", f"max([{x}, {y}, {self.literal()}])", f"({x}) % 7", f"{self.test(depth - 1)} ? {x} : {y}",
            f"floor(({x}) / d)", f"round(({x}) / (b + 3), 2)", f"ceil(({x}) / 3)", f"trunc(({x}) / 7)",
        )  # fmt: skip

    def test(self, depth: int = 2, *, safe: bool = True) -> str:
        field = self.pick(*(self.numbers if safe else self.loose))
        flag = self.pick("q", "(p ?? false)") if safe else self.pick("p", "q")
        if depth == 0 or self.random.random() < 0.35:
            return self.pick(
                f"{field} {self.pick('>', '<', '>=', '<=', '==', '!=')} {self.literal()}", flag, "s == 'x'", "s != 'y'", "a == null",
                "s in ['x', null]", "t not in ['u', 'v']", "a == b", "p == null", "p != true", f"{field} in [1..{self.pick('5', '9.5')})",
                f"{field} in (-3..b]", "s == t", f"{field} in [1, 2.5, b]", "startsWith(t, 'u')", "contains(t, 'v')", f"{field} / d > 2",
            )  # fmt: skip
        x, y = self.test(depth - 1, safe=safe), self.test(depth - 1, safe=safe)
        return self.pick(f"({x}) and ({y})", f"({x}) or ({y})", f"not ({x})")

    def value(self) -> str:
        return self.pick(self.numeric(), self.numeric(), self.test(), f"{self.test()} ? 'k' : 'm'", "s ?? 'none'", "a", "c", "t", "null")

    def cell(self, field: str) -> str:
        if self.random.random() < 0.3:
            return ""
        if field in {"s", "t"}:
            return self.pick("'x'", "'x', 'y'", "null", "!= 'y'", "not in ['z', null]", "'u'", "in ['u', 'v']", "startsWith($, 'u')",
                             "$ == 'x' or $ == null", "endsWith($, 'v') or $ == 'y'")  # fmt: skip
        if field in {"p", "q"}:
            return self.pick("true", "false", "null", "!= true", "true, null", "not $")
        return self.pick(
            f"> {self.literal()}", f"<= {self.literal()}", f"[{self.pick('-4', '0')}..{self.pick('3', '7.5')}]", "(0..5)", "null", "!= 3",
            "1, 2, 3.5", "> 5 or < -2", "null, > 4", "> 5 or null", ">= 0 and < 4", ">= 0 and < 4 or 7", "not in [1, null]", "> b / 10",
            f"$ * 2 > {self.literal()}", "b", "$ == null or $ > 2", "-4", "b + 1",
        )  # fmt: skip

    def graph(self) -> Graph:
        graph = Graph(**FIELDS)
        graph.expressions("first", m=self.numeric(), n=self.test(), w=self.value(), k=self.pick("$.m + 1", "$.n ? 1 : 2"))
        fields = self.random.sample(list(FIELDS), 3)
        rows = [[*(self.cell(field) for field in fields), self.pick(f"'r{n}'", f"'r{n}'", "", "s"), self.pick(self.numeric(1), "", "null", "7")]
                for n in range(self.random.randint(1, 5))]  # fmt: skip
        graph.table("pick", fields, ["u", "v"], rows, passes=self.pick(True, True, False))
        if graph.nodes[-1]["content"]["passThrough"]:
            rows = [[self.cell(field) for field in fields] + [f"'c{n}'"] for n in range(self.random.randint(1, 9))]
            graph.table("all", fields, ["code"], rows, collect="hits")
            graph.expressions("last", z="len(hits)", y=self.pick("m", "v ?? 0", "u ?? 'n'"))
            if self.random.random() < 0.4:
                self.branch(graph)
        return graph

    def branch(self, graph: Graph) -> None:
        statements = [{"id": f"w{n}", "condition": self.test(safe=False)} for n in range(2)] + [{"id": "w2", "condition": ""}]
        graph.node("way", "switchNode", {"hitPolicy": "first", "statements": statements})
        for n in range(3):
            graph.expressions(f"b{n}", chain=False, way=f"'{n}'", m=self.numeric(1), **({"only": "b"} if n == 1 else {}))
            graph.edge("way", f"b{n}", f"w{n}")
        graph.node("out", "outputNode", chain=False)
        for n in range(3):
            graph.edge(f"b{n}", "out")

    def row(self) -> dict[str, Any]:
        values = {
            "a": self.pick(None, *range(-5, 9), -50, 50), "b": self.pick(0, 1, 2, 3, 10, 999, 1000), "q": self.pick(True, False),
            "c": self.pick(None, 0.0, 0.25, -1.1, 2.5, -5.0, 4.99, 1.0), "d": self.pick(1.0, 1.5, 2.0, 3.5, 9.0, 5),
            "s": self.pick(None, "x", "y", "z"), "t": self.pick("", "u", "v", "uv", "x", "wv"), "p": self.pick(None, True, False),
        }  # fmt: skip
        return {name: value for name, value in values.items() if value is not None or self.random.random() < 0.5}
