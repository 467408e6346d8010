"""A declaration laid out as the int64 tables that the kernel walks; the columns are named in ``kernel``.

This is the only place that knows both sides: names and seconds on the one, places and microseconds on the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem
from jiehuan.watch.declare import AGGREGATES, MAX_STREAMS, SCANNED, SEVERITIES, Declaration, Stream
from jiehuan.watch.event import TICK
from jiehuan.watch.expression import COMPARED, Op, Program

_MICRO = 1_000_000
_JOINS = {*range(Op.ADD, Op.NEG), *range(Op.LT, Op.NOT), Op.MIN, Op.MAX, Op.AND, Op.OR}
"""The steps that make one of two."""
_EVENT_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Tables:
    """``arrays`` in the order of ``kernel.run``, the row of a new account, the width of an event's row, and how deep programs stack."""

    arrays: tuple[NDArray[Any], ...]
    account: NDArray[np.int64]
    event_width: int
    depth: int


def make_tables(declared: Declaration, kind_code: Mapping[str, int], channel_code: Mapping[str, int]) -> Tables:
    """Lay out a declaration. Raises InputError when it has more streams than a mask has bits."""
    streams, base_of = _all_streams(declared)
    index = {stream.name: place for place, stream in enumerate(streams)}
    features = list(declared.features.values())

    # An account's row grows to the right by what the declaration needs.
    account = [-1, 0, 0, 0, 0, 0, -1]
    maxima = list(dict.fromkeys(index[f.stream] for f in features if f.of == "max"))
    latest = {stream: len(account) + n for n, stream in enumerate(maxima)}
    greater = {stream: _EVENT_COLUMNS + n for n, stream in enumerate(maxima)}
    account += [-1] * len(maxima)
    spoke: dict[str, int] = {}
    for rule in declared.rules:
        if rule.group not in spoke:
            spoke[rule.group] = len(account)
            account.append(-1)

    needs: dict[tuple[int, int, int], set[str]] = {}
    for f in features:
        needs.setdefault((index[f.stream], f.window * _MICRO, f.before * _MICRO), set()).add(f.of)
    group_index = {key: place for place, key in enumerate(needs)}
    groups = []
    for (stream, window, before), wanted in needs.items():
        at = len(account)
        account += [0, 0, 0, 0]
        cells = {}
        for name, use, empty in (
            ("distinct", {"distinct"}, [0]),
            ("last", {"since", "last", "max"}, [-1, -1]),
            ("square", {"std"}, [0, 0, 0]),
        ):
            cells[name] = len(account) if wanted & use else -1
            account += empty if wanted & use else []
        groups.append(
            [
                stream,
                window,
                before,
                at,
                cells["distinct"],
                cells["last"],
                cells["square"],
                greater.get(stream, -1),
                0,
                0,
            ]
        )

    refs: list[int] = []
    kinds = []
    for kind in kind_code:
        mask = sum(1 << place for place, stream in enumerate(streams) if kind in stream.kinds and place not in base_of)
        start = len(refs)
        refs += [place for place, rule in enumerate(declared.rules) if kind in rule.on]
        kinds.append([mask, start, len(refs)])
    channels = [
        sum(1 << place for place, stream in enumerate(streams) if not stream.channels or name in stream.channels)
        for name in (None, *channel_code)
    ]
    feature_rows = []
    for f in features:
        key = (index[f.stream], f.window * _MICRO, f.before * _MICRO)
        feature_rows.append([AGGREGATES.index(f.of), group_index[key], len(refs), len(f.steps)])
        refs += [index[name] for name in f.steps]
    for place, group in enumerate(groups):
        group[-2] = len(refs)
        refs += [f for f, row in enumerate(feature_rows) if row[1] == place and features[f].of not in SCANNED]
        group[-1] = len(refs)

    programs = _Programs()
    derived = [programs.add(Program(((Op.FEATURE, place, 0),), (), ())) for place in range(len(features))]
    derived += [programs.add(program) for program in declared.derived_programs.values()]
    names = {name: place for place, name in enumerate((*declared.features, *declared.derived))}
    rules = []
    for rule in declared.rules:
        shown = len(refs)
        refs += [names[name] for name in rule.shown]
        severity = SEVERITIES.index(rule.severity)
        rules.append(
            [*programs.add(rule.program), rule.cooldown * _MICRO, severity, spoke[rule.group], shown, len(refs)]
        )

    stream_rows = [
        [
            *([-1, -1] if s.hours is None else [round(s.hours[0] * 3600), round(s.hours[1] * 3600)]),
            s.least_fen,
            base_of.get(place, -1),
            s.new_counterparty * _MICRO,
            greater.get(place, -1),
            latest.get(place, -1),
        ]
        for place, s in enumerate(streams)
    ]
    linked = bool(base_of) or any(f.of == "distinct" for f in features)
    limits = [declared.horizon * _MICRO, declared.lateness * _MICRO, kind_code[TICK], int(linked), 0]
    arrays = (
        _table(programs.code, 3),
        np.array([*programs.const, 0.0]),
        _table(feature_rows, 4),
        _table(groups, 10),
        _table(rules, 7),
        _table(kinds, 3),
        _table(stream_rows, 7),
        np.array(channels, np.int64),
        _table(derived, 2),
        np.array([*refs, 0], np.int64),
        np.array([[kind in rule.on for kind in kind_code] for rule in declared.rules], np.int64).reshape(
            -1, len(kind_code)
        ),
        np.array(limits, np.int64),
    )
    return Tables(arrays, np.array(account, np.int64), _EVENT_COLUMNS + len(maxima), programs.depth)


def _all_streams(declared: Declaration) -> tuple[list[Stream], dict[int, int]]:
    """The declared streams, then for each that takes new counterparties the stream of all its events, against which
    newness is measured; and the place of the one for the other."""
    streams = list(declared.streams.values())
    base_of = {}
    for place, stream in enumerate(declared.streams.values()):
        if stream.new_counterparty:
            base_of[place] = len(streams)
            streams.append(replace(stream, name=f"{stream.name} (any counterparty)", new_counterparty=0))
    if len(streams) > MAX_STREAMS:
        reason = f"more than {MAX_STREAMS} streams, counting one more for each new_counterparty"
        raise InputError(
            Problem(f"{declared.source}, streams", str(len(streams)), reason, "join streams or split the file")
        )
    return streams, base_of


class _Programs:
    """All programs in one strip of code, with one strip of constants."""

    def __init__(self) -> None:
        self.code: list[tuple[int, int, int]] = []
        self.const: list[float] = []
        self.depth = 1

    def add(self, program: Program) -> tuple[int, int]:
        start = len(self.code)
        shift = len(self.const)
        height = 0
        for op, arg, constant in program.steps:
            pushes = op in {Op.CONST, Op.FEATURE, Op.FIELD} or op >= COMPARED
            height += 1 if pushes else -1 if op in _JOINS else 0
            self.depth = max(self.depth, height)
            self.code.append(
                (int(op), arg + shift if op == Op.CONST else arg, constant + shift if op >= COMPARED else constant)
            )
        self.const += program.constants
        return start, len(self.code)


def _table(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)
