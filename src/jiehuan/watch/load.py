"""Reading a declaration of signals from YAML: every fault is collected and told at once, with its place and its mend."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, JiehuanError, Problem
from jiehuan.units.yaml_file import read_yaml
from jiehuan.watch.declare import AGGREGATES, MAX_STREAMS, SEVERITIES, UNITS, Declaration, Feature, Rule, Stream
from jiehuan.watch.event import TICK
from jiehuan.watch.expression import FIELDS, Program, compile_expression, parse, parse_duration

DEFAULT_SIGNALS = Path(__file__).with_name("signals.yaml")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z", re.ASCII)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def load_signals(path: Path | str | None = None) -> Declaration:
    """The declaration in a YAML file (None: the one that ships). Raises InputError with every problem found."""
    where = Path(path) if path is not None else DEFAULT_SIGNALS
    return read_signals(read_yaml(where), str(where))


def read_signals(document: Any, where: str = "signals") -> Declaration:
    """The declaration in a document already parsed. Raises InputError with every problem found."""
    return _Reader(where).read(document)


class _Reader:
    """Collects problems while it reads, so that a file is mended once."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def read(self, document: Any) -> Declaration:
        if not isinstance(document, Mapping):
            raise InputError(
                Problem(self.where, "", "not a set of signals", "write kinds, streams, features and rules")
            )
        self._only(document, self.where, {"version", "zone", "lateness", "kinds", "streams", "features", "rules"})
        zone = self._zone(document.get("zone", "Asia/Shanghai"))
        lateness = self._caught(lambda: parse_duration(document.get("lateness", "24h"), f"{self.where}, lateness"), 0)
        kinds = {
            name: dict(words) if isinstance(words, Mapping) else {} for name, words in self._items(document, "kinds")
        }
        streams = {name: self._stream(name, body, kinds) for name, body in self._items(document, "streams")}
        if len(streams) > MAX_STREAMS:
            self._add(
                "streams", str(len(streams)), f"more than {MAX_STREAMS} streams", "join streams or split the file"
            )
        both = {name: self._feature(name, body, streams, kinds) for name, body in self._items(document, "features")}
        features = {name: f for name, f in both.items() if f.of != "value"}
        derived = {name: f for name, f in both.items() if f.of == "value"}
        index = {name: place for place, name in enumerate(features)}
        trees: dict[str, ast.expr] = {}
        for name, body in derived.items():
            known = [*features, *trees]
            tree = self._caught(lambda b=body, k=known: parse(b.value, f"{self.where}, features, {b.name}", k), None)  # type: ignore[misc]
            if tree is not None:
                trees[name] = tree
        rules = tuple(
            self._rule(name, body, kinds, both, index, trees) for name, body in self._items(document, "rules")
        )
        if not rules and not features:
            self._add("rules", "", "nothing declared", "declare at least one feature or rule")
        if self.problems:
            raise InputError(self.problems)
        programs = {name: compile_expression(tree, index, trees) for name, tree in trees.items()}
        ordered = tuple(sorted(rules, key=lambda rule: -SEVERITIES.index(rule.severity)))
        return Declaration(zone, lateness, kinds, streams, features, derived, programs, ordered, self.where)

    def _stream(self, name: str, body: Any, kinds: Mapping[str, Any]) -> Stream:
        place = f"streams, {name}"
        if isinstance(body, list):
            body = {"kinds": body}
        if not isinstance(body, Mapping):
            self._add(place, str(body)[:80], "not a stream", "write kinds: [..]")
            return Stream(name, ())
        self._only(body, f"{self.where}, {place}", {"kinds", "hours", "channels", "least", "new_counterparty"})
        hours = body.get("hours")
        if hours is not None and not (
            isinstance(hours, list) and len(hours) == 2 and all(_is_number(h) and 0 <= h <= 24 for h in hours)
        ):
            self._add(f"{place}, hours", str(hours)[:80], "not two hours of the day", "write [23, 6]")
            hours = None
        memory = body.get("new_counterparty")
        return Stream(
            name,
            self._kinds(body.get("kinds"), f"{place}, kinds", kinds),
            (float(hours[0]), float(hours[1])) if hours else None,
            tuple(str(channel) for channel in body.get("channels") or ()),
            self._caught(lambda: _yuan(body.get("least", 0), f"{self.where}, {place}, least"), 0),
            self._caught(lambda: parse_duration(memory, f"{self.where}, {place}, new_counterparty"), 0)
            if memory
            else 0,
        )

    def _feature(self, name: str, body: Any, streams: dict[str, Stream], kinds: Mapping[str, Any]) -> Feature:
        place = f"features, {name}"
        if not isinstance(body, Mapping):
            self._add(place, str(body)[:80], "not a feature", "write of, stream and window, or value")
            return Feature(name, "value", value="0")
        self._only(body, f"{self.where}, {place}", {"of", "stream", "window", "before", "steps", "value", "unit"})
        unit = str(body.get("unit", ""))
        if unit and unit not in {"yuan", "count", "time", "number", "flag"}:
            self._add(f"{place}, unit", unit, "unknown unit", "write yuan, count, time, number or flag")
        if "value" in body:
            return Feature(name, "value", value=str(body["value"]), unit=unit or "number")
        of = str(body.get("of", ""))
        if of not in AGGREGATES:
            near = difflib.get_close_matches(of, AGGREGATES, 1)
            self._add(
                f"{place}, of",
                of,
                "unknown aggregate",
                f"did you mean {near[0]}?" if near else f"write one of {', '.join(AGGREGATES)}",
            )
            of = "count"
        window = self._caught(lambda: parse_duration(body.get("window"), f"{self.where}, {place}, window"), 1)
        before = self._caught(lambda: parse_duration(body.get("before", "0s"), f"{self.where}, {place}, before"), 0)
        if window == 0:
            self._add(f"{place}, window", "0", "an empty window", "write a length such as 24h")
        steps: tuple[str, ...] = ()
        if of == "sequence":
            steps = tuple(self._stream_name(s, f"{place}, steps", streams, kinds) for s in body.get("steps") or ())
            if len(steps) < 2:
                self._add(
                    f"{place}, steps", "", "fewer than two steps", "name two or more streams or kinds, oldest first"
                )
            stream = steps[-1] if steps else ""
        else:
            stream = self._stream_name(body.get("stream"), f"{place}, stream", streams, kinds)
        return Feature(name, of, stream, window, before, steps, unit=unit or UNITS.get(of, "yuan"))

    def _stream_name(self, value: Any, place: str, streams: dict[str, Stream], kinds: Mapping[str, Any]) -> str:
        """The stream that is named; a kind's name stands for the stream of that kind alone."""
        name = str(value or "")
        if name not in streams and name in kinds:
            streams[name] = Stream(name, (name,))
        if name not in streams:
            near = difflib.get_close_matches(name, [*streams, *kinds], 1)
            self._add(
                place,
                name,
                "no stream of that name",
                f"did you mean {near[0]}?" if near else "declare it under streams",
            )
        return name

    def _rule(
        self,
        name: str,
        body: Any,
        kinds: Mapping[str, Any],
        features: Mapping[str, Feature],
        index: Mapping[str, int],
        trees: Mapping[str, ast.expr],
    ) -> Rule:
        place = f"rules, {name}"
        empty = Rule(name, (), "", "info", 0, name, "", "")
        if not isinstance(body, Mapping):
            self._add(place, str(body)[:80], "not a rule", "write on, when, severity, zh and en")
            return empty
        # YAML 1.1 reads a bare `on` as true; a declaration may write it either way.
        body = {("on" if key is True else key): value for key, value in body.items()}
        self._only(body, f"{self.where}, {place}", {"on", "when", "severity", "cooldown", "group", "zh", "en"})
        severity = str(body.get("severity", "warning"))
        if severity not in SEVERITIES:
            self._add(f"{place}, severity", severity, "unknown severity", f"write one of {', '.join(SEVERITIES)}")
            severity = "info"
        cooldown = self._caught(
            lambda: parse_duration(body.get("cooldown", "0s"), f"{self.where}, {place}, cooldown"), 0
        )
        usable = {n for n, f in features.items() if f.of != "value" or n in trees}
        tree = self._caught(lambda: parse(body.get("when", ""), f"{self.where}, {place}, when", usable), None)
        program = compile_expression(tree, index, trees) if tree is not None else Program((), (), ())
        texts = {}
        shown = list(program.names)
        for language in ("zh", "en"):
            texts[language] = str(body.get(language) or "")
            if not texts[language]:
                self._add(
                    f"{place}, {language}", "", "no sentence", "say what was seen; {name} puts in a feature's value"
                )
            for wanted in _PLACEHOLDER.findall(texts[language]):
                if wanted in usable:
                    shown.append(wanted)
                elif wanted not in FIELDS:
                    self._add(
                        f"{place}, {language}",
                        wanted,
                        "no feature of that name",
                        "name a declared feature in the braces",
                    )
        on = self._kinds(body.get("on"), f"{place}, on", {**kinds, TICK: {}})
        return Rule(
            name,
            on,
            str(body.get("when", "")),
            severity,
            cooldown,
            str(body.get("group") or name),
            texts["zh"],
            texts["en"],
            program,
            tuple(dict.fromkeys(shown)),
        )

    def _kinds(self, value: Any, place: str, kinds: Mapping[str, Any]) -> tuple[str, ...]:
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names:
            self._add(place, str(value)[:80], "no kinds", "write a list of declared kinds")
            return ()
        for name in names:
            if name not in kinds:
                near = difflib.get_close_matches(str(name), list(kinds), 1)
                self._add(
                    place,
                    str(name)[:80],
                    "unknown kind",
                    f"did you mean {near[0]}?" if near else "declare it under kinds",
                )
        return tuple(dict.fromkeys(str(name) for name in names))

    def _items(self, document: Mapping[str, Any], part: str) -> Iterator[tuple[str, Any]]:
        body = document.get(part) or {}
        if not isinstance(body, Mapping):
            self._add(part, str(body)[:80], "not names with bodies", f"write {part} as a mapping")
            return
        for name, value in body.items():
            if not isinstance(name, str) or not _NAME.match(name) or name in FIELDS:
                self._add(
                    part, str(name)[:80], "not a usable name", "use small letters, digits and _, not amount or hour"
                )
            else:
                yield name, value

    def _zone(self, value: Any) -> str:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            return ZoneInfo(str(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._add("zone", str(value)[:80], "unknown time zone", "write a name such as Asia/Shanghai")
            return "Asia/Shanghai"

    def _only(self, body: Mapping[Any, Any], place: str, allowed: set[str]) -> None:
        for key in body:
            if key not in allowed:
                near = difflib.get_close_matches(str(key), sorted(allowed), 1)
                mend = f"did you mean {near[0]}?" if near else f"allowed here: {', '.join(sorted(allowed))}"
                self.problems.append(Problem(place, str(key)[:80], "unknown key", mend))

    def _caught(self, read: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return read()
        except JiehuanError as error:
            self.problems.extend(error.problems)
            return otherwise

    def _add(self, place: str, value: str, reason: str, mend: str) -> None:
        self.problems.append(Problem(f"{self.where}, {place}", value, reason, mend))


def _yuan(value: object, where: str) -> int:
    from jiehuan.units.money import parse_yuan

    return parse_yuan(value, where)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
