"""What the platform may know about a borrower: sources and features declared in YAML, and what the law forbids.

Each source says what kind of data it is, its lawful basis, and the licence its provider needs; each feature says its
source and how it is computed. Data that the law forbids (social networks, unlicensed credit data) are refused when the
declaration is loaded, with the citation, not when a request comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jiehuan.law import Law
from jiehuan.units.errors import InputError, Problem, Refused
from jiehuan.units.ids import derived_id
from jiehuan.units.yaml_file import read_yaml

KINDS = ("integer", "number", "boolean", "string")
TAKES = ("count", "sum", "max", "min", "mean", "share", "latest", "streak")
BASES = ("contract", "consent", "legal_duty")

_SOURCE_KEYS = {"data", "basis", "subject_to", "zh", "en"}
_FEATURE_KEYS = {"source", "kind", "field", "take", "of", "where", "last", "within_days", "empty", "range", "zh", "en"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where data come from: the ``data`` kind (held against the law), its lawful ``basis``, the provider's licence."""

    name: str
    data: str
    basis: str
    zh: str
    en: str
    subject_to: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """One declared feature: copied from ``field``, or an aggregate ``take`` over the source's rows.

    ``of`` and ``where`` name row columns, ``last`` keeps the newest rows, ``within_days`` rows no older; ``empty`` is
    the value when there is no row (count, sum and streak: 0). ``range`` is what is believable, both ends included.
    """

    name: str
    source: Source
    kind: str
    zh: str
    en: str
    field: str = ""
    take: str = ""
    of: str = ""
    where: str = ""
    last: int = 0
    within_days: int = 0
    empty: int | None = None
    range: tuple[int, int] | None = None

    @property
    def lineage(self) -> str:
        """How the feature comes about, in words, for the record of a decision."""
        if self.field:
            return f"{self.source.name}.{self.field}"
        parts = [self.take, f"of {self.of}" if self.of else "", f"where {self.where}" if self.where else ""]
        parts += [
            f"last {self.last}" if self.last else "",
            f"within {self.within_days} days" if self.within_days else "",
        ]
        return f"{self.source.name}: {' '.join(part for part in parts if part)}"


@dataclass(frozen=True)
class Declaration:
    """All sources and features of one file; ``version`` is the hash of what they say."""

    sources: Mapping[str, Source]
    features: Mapping[str, Feature]
    version: str

    def of_source(self, name: str) -> tuple[Feature, ...]:
        """The features of one source, in the order of the file."""
        return tuple(feature for feature in self.features.values() if feature.source.name == name)

    def labels(self) -> dict[str, dict[str, str]]:
        """Each feature's name in both languages, as the score room takes them."""
        return {feature.name: {"zh": feature.zh, "en": feature.en} for feature in self.features.values()}


def declared_features(law: Law | None = None) -> Declaration:
    """The features that ship with jiehuan; with a law, checked against what it forbids."""
    declaration = _shipped()
    if law is not None:
        refuse_forbidden(declaration, law)
    return declaration


def load_features(path: Path, law: Law | None = None) -> Declaration:
    """Read a declaration file. Raises InputError for mistakes, Refused (with citation) for forbidden data."""
    declaration = read_features(read_yaml(path, example="src/jiehuan/profile/features.yaml"), path.name)
    if law is not None:
        refuse_forbidden(declaration, law)
    return declaration


def read_features(raw: Any, place: str = "features") -> Declaration:
    """A declaration from its document. Raises InputError with every mistake."""
    if (
        not isinstance(raw, Mapping)
        or not isinstance(raw.get("sources"), Mapping)
        or not isinstance(raw.get("features"), Mapping)
    ):
        raise InputError(Problem(place, "", "not a declaration", "write the two sections sources and features"))
    problems = [
        *(
            problem
            for name, entry in raw["sources"].items()
            for problem in _wrong_source(f"{place}, source {name}", entry)
        ),
        *(
            problem
            for name, entry in raw["features"].items()
            for problem in _wrong_feature(f"{place}, feature {name}", entry, raw["sources"])
        ),
    ]
    if problems:
        raise InputError(problems)
    sources = {name: Source(name, **entry) for name, entry in raw["sources"].items()}
    features: dict[str, Feature] = {}
    for name, entry in raw["features"].items():
        rest = {key: value for key, value in entry.items() if key not in {"source", "range"}}
        bounds = tuple(entry["range"]) if "range" in entry else None
        features[name] = Feature(name, sources[entry["source"]], range=bounds, **rest)
    return Declaration(sources, features, derived_id("ft", raw)[3:19])


def refuse_forbidden(declaration: Declaration, law: Law) -> None:
    """Refuse sources whose kind of data the law forbids. Raises Refused with the rule's citation for each."""
    rule = law.rule("forbidden_data")
    if rule is None:
        return
    problems = [
        Problem(
            f"source {source.name}",
            source.data,
            f"this kind of data may not be used to judge credit: {rule.en}",
            "remove the source and its features",
            rule.citation,
            rule.zh,
        )
        for source in declaration.sources.values()
        if source.data in rule.value
    ]
    if problems:
        raise Refused(problems)


@cache
def _shipped() -> Declaration:
    return load_features(Path(__file__).with_name("features.yaml"))


def _wrong_source(place: str, entry: Any) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield Problem(place, "", "not an entry", "give data, basis, zh and en")
        return
    yield from _wrong_keys(place, entry, _SOURCE_KEYS, {"data", "basis", "zh", "en"})
    if entry.get("basis") not in BASES:
        yield Problem(
            f"{place}, basis", str(entry.get("basis")), "not a lawful basis", f"write one of {', '.join(BASES)}"
        )


def _wrong_feature(place: str, entry: Any, sources: Mapping[str, Any]) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield Problem(place, "", "not an entry", "give source, kind, field or take, zh and en")
        return
    yield from _wrong_keys(place, entry, _FEATURE_KEYS, {"source", "kind", "zh", "en"})
    if entry.get("source") not in sources:
        yield Problem(
            f"{place}, source", str(entry.get("source")), "no such source", f"write one of {', '.join(sources)}"
        )
    if entry.get("kind") not in KINDS:
        yield Problem(f"{place}, kind", str(entry.get("kind")), "not a kind", f"write one of {', '.join(KINDS)}")
    if ("field" in entry) == ("take" in entry):
        yield Problem(
            place, "", "a feature is either copied from a field or takes an aggregate", "give one of field and take"
        )
    if "take" in entry:
        yield from _wrong_aggregate(place, entry)
    bounds = entry.get("range", [0, 0])
    if not isinstance(bounds, list) or len(bounds) != 2 or bounds[0] > bounds[1]:
        yield Problem(f"{place}, range", str(bounds)[:80], "not a range", "write [least, most]")


def _wrong_aggregate(place: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    from jiehuan.profile.history import FLAGS, NUMBERS

    take = entry["take"]
    if entry.get("source") != "history":
        yield Problem(f"{place}, take", take, "aggregates are taken over own history", "copy the value from a field")
    if take not in TAKES:
        yield Problem(f"{place}, take", str(take), "not an aggregate", f"write one of {', '.join(TAKES)}")
        return
    of, where = entry.get("of"), entry.get("where")
    allowed = () if take == "count" else FLAGS if take in {"share", "streak"} else NUMBERS
    if (take == "count") != (of is None) or (of is not None and of not in allowed):
        mend = f"write one of {', '.join(allowed)}" if allowed else "count takes no column"
        yield Problem(f"{place}, of", str(of), f"not a column that {take} takes", mend)
    if where is not None and where not in FLAGS:
        yield Problem(f"{place}, where", str(where), "not a condition", f"write one of {', '.join(FLAGS)}")
    for key in ("last", "within_days"):
        if key in entry and (not isinstance(entry[key], int) or isinstance(entry[key], bool) or entry[key] < 1):
            yield Problem(f"{place}, {key}", str(entry[key]), "not a whole number above 0", "write a number like 3")


def _wrong_keys(place: str, entry: Mapping[str, Any], allowed: set[str], needed: set[str]) -> Iterator[Problem]:
    for key in entry.keys() - allowed:
        yield Problem(f"{place}, {key}", "", "unknown word", f"use {', '.join(sorted(allowed))}")
    for key in needed - entry.keys():
        yield Problem(f"{place}, {key}", "", "is missing", f"give {key}")
