"""Signals are declared once, in YAML: kinds of events, streams of them, window features, rules.

The same declaration drives live judging, replay and the offline feature table, so that what was tested is what runs.
A stream is a filter over events; a feature is an aggregate of a stream in a window that ends at the event; a rule is a
condition over features with a severity, a cool-down and a sentence in Chinese and English.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from jiehuan.units.ids import canonical_json
from jiehuan.watch.expression import Program

SEVERITIES = ("info", "warning", "critical")
AGGREGATES = (
    *("count", "sum", "mean", "max", "std", "distinct", "since", "last", "velocity", "sequence"),
    *("rise", "fall", "slower", "faster", "changed"),
)
SCANNED = frozenset({"sequence", "rise", "fall", "slower", "faster", "changed"})
"""Aggregates that are read by a scan of their window and keep nothing between readings."""

UNITS = {
    "count": "count",
    "distinct": "count",
    "sequence": "flag",
    "since": "time",
    "velocity": "number",
    "rise": "number",
    "fall": "number",
    "slower": "number",
    "faster": "number",
    "changed": "time",
}
"""Unit of an aggregate where it is not money."""

MAX_STREAMS = 62


@dataclass(frozen=True, slots=True)
class Stream:
    """A filter: events of these kinds, at these local hours, through these channels, of this size, to a new counterparty.

    ``hours`` (23, 6) passes midnight. ``new_counterparty`` is in seconds: the same counterparty was not seen in the
    stream's other events for that long (0: no such condition).
    """

    name: str
    kinds: tuple[str, ...]
    hours: tuple[float, float] | None = None
    channels: tuple[str, ...] = ()
    least_fen: int = 0
    new_counterparty: int = 0


@dataclass(frozen=True, slots=True)
class Feature:
    """An aggregate of a stream over ``(t - before - window, t - before]``, both in seconds; or a derived value.

    Money comes out in yuan, ``since`` in seconds, ``velocity`` in events an hour, ``sequence`` as 1 or 0. ``rise`` and ``fall`` say how
    far amounts moved from the account's own usual, ``slower`` and ``faster`` how far the gaps between events did, in robust deviations
    summed up; ``changed`` the seconds since that began. ``steps`` are the streams of a sequence, oldest first.
    """

    name: str
    of: str
    stream: str = ""
    window: int = 0
    before: int = 0
    steps: tuple[str, ...] = ()
    value: str = ""
    unit: str = "yuan"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition judged at each event of the kinds ``on``; silent for ``cooldown`` seconds after it spoke.

    Rules of one ``group`` share the silence: only a higher severity breaks it.
    """

    name: str
    on: tuple[str, ...]
    when: str
    severity: str
    cooldown: int
    group: str
    zh: str
    en: str
    program: Program = field(repr=False, default=Program((), (), ()))
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Declaration:
    """A checked set of signals. ``features`` are those with a window; ``derived`` are computed from them."""

    zone: str
    lateness: int
    kinds: Mapping[str, Mapping[str, str]]
    streams: Mapping[str, Stream]
    features: Mapping[str, Feature]
    derived: Mapping[str, Feature]
    derived_programs: Mapping[str, Program]
    rules: tuple[Rule, ...]
    source: str = ""

    @cached_property
    def version(self) -> str:
        """A hash of all that changes an answer; a saved state belongs to one version."""
        content = [
            self.zone,
            self.lateness,
            sorted(self.kinds),
            *(repr(v) for v in self.streams.values()),
            *(repr(v) for v in self.features.values()),
            *(repr(v) for v in self.derived.values()),
            *([r.name, r.on, r.when, r.severity, r.cooldown, r.group] for r in self.rules),
        ]
        return hashlib.sha256(canonical_json(content)).hexdigest()[:16]

    @cached_property
    def columns(self) -> Mapping[str, tuple[int, str]]:
        """Place and unit of each feature in the feature table: windowed ones first, then derived ones."""
        every = (*self.features.values(), *self.derived.values())
        return {feature.name: (place, feature.unit) for place, feature in enumerate(every)}

    @property
    def horizon(self) -> int:
        """Seconds of history which an account keeps: the longest reach of any feature, plus the lateness."""
        reach = [f.window + f.before for f in self.features.values()]
        memory = max((s.new_counterparty for s in self.streams.values()), default=0)
        return max(reach, default=0) + memory + self.lateness
