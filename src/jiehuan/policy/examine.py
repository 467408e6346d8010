"""A graph as it stands in an editor, good or broken: everything found in it, each finding beside the node it is about.

A broken graph (a circle, a node without edges, a cell that is no text) gives findings as a sound one does, so that an
analyst mends it where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiehuan.law import Law
from jiehuan.policy.check import check_policy
from jiehuan.policy.finding import Finding
from jiehuan.policy.graph import Policy, load_policy
from jiehuan.units.errors import InputError


@dataclass(frozen=True)
class Examined:
    """What was found: the policy when the graph can be read, and the findings with the ids of their nodes."""

    policy: Policy | None
    findings: tuple[tuple[Finding, tuple[str, ...]], ...]

    @property
    def barred(self) -> bool:
        """Whether an error bars the release."""
        return any(finding.level == "error" for finding, _ in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that bar the release."""
        return tuple(finding for finding, _ in self.findings if finding.level == "error")

    def as_documents(self) -> list[dict[str, Any]]:
        """The findings for JSON, each with ``nodes``."""
        return [{**finding.as_document(), "nodes": list(nodes)} for finding, nodes in self.findings]


def examine(document: Mapping[str, Any], name: str, laws: Sequence[Law]) -> Examined:
    """Read and check a graph under the laws of its effective date."""
    try:
        policy = load_policy(document, name)
    except InputError as error:
        broken = [Finding("error", "structure", problem) for problem in error.problems]
        return Examined(None, tuple((finding, nodes_of(document, finding)) for finding in broken))
    found = check_policy(policy, tuple(laws))
    return Examined(policy, tuple((finding, nodes_of(document, finding)) for finding in found))


def nodes_of(document: Mapping[str, Any], finding: Finding) -> tuple[str, ...]:
    """The ids of the nodes that a finding is about, by its place: the node it names, or the nodes that give a field."""
    nodes = [node for node in _dicts(document.get("nodes")) if isinstance(node.get("id"), str)]
    where = finding.problem.where
    named = [str(node["id"]) for node in nodes if f"node {str(node.get('name') or node['id'])!r}" in where]
    if named:
        return tuple(named)
    numbered = re.search(r"\bnode (\d+)\b", where)
    if numbered and 0 < int(numbered[1]) <= len(nodes):
        return (str(nodes[int(numbered[1]) - 1]["id"]),)
    edge = re.search(r"\bedge (\d+)\b", where)
    edges = _dicts(document.get("edges"))
    if edge and 0 < int(edge[1]) <= len(edges):
        ends = (edges[int(edge[1]) - 1].get("sourceId"), edges[int(edge[1]) - 1].get("targetId"))
        return tuple(str(node["id"]) for node in nodes if node["id"] in ends)
    if where.endswith(", edges"):  # a circle names its nodes in the order of the way round
        ways = set(finding.problem.value.split(" → "))
        return tuple(str(node["id"]) for node in nodes if str(node.get("name") or node["id"]) in ways)
    given = re.search(r"\boutput (\w+)|, (refusals|flags|notes)\b", where)
    if given:
        field = given[1] or given[2]
        return tuple(str(node["id"]) for node in nodes if field in set(_gives(node)))
    if re.search(r"\binput \w+", where):
        return tuple(str(node["id"]) for node in nodes if node.get("type") == "inputNode")
    return ()


def _gives(node: Mapping[str, Any]) -> Iterator[str]:
    content = node.get("content")
    if not isinstance(content, Mapping):
        return
    for entry in _dicts(content.get("expressions")):
        yield str(entry.get("key"))
    for entry in _dicts(content.get("outputs")):
        yield str(entry.get("field"))
    if isinstance(content.get("outputPath"), str):
        yield str(content["outputPath"])


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
