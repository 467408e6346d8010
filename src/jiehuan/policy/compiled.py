"""A policy compiled once, at publication: one row as a Python function, a frame as columns, both equal to the engine.

``compile_policy`` refuses what it cannot compile exactly, naming place and mend; what it takes gives the same outputs
in all three executors, nulls included (``tests/policy/test_parity.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jiehuan.policy.graph import Policy
from jiehuan.policy.program import Program, build, used_inputs
from jiehuan.policy.run import REASON_FIELDS, PolicyResult, as_result, read_values
from jiehuan.policy.scalar import Decide, compile_source, print_source
from jiehuan.policy.typed import Value
from jiehuan.units.errors import Problem

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from jiehuan.policy.columns import ColumnResult
    from jiehuan.policy.rows import Column

_FEW = 20
"""With fewer codes a set of them is looked up by itself; with more, by a hash."""


@dataclass(frozen=True)
class Compiled:
    """A compiled policy; ``source`` is what ``decide`` runs. ``decide(row)`` takes values as ``read_values`` gives."""

    policy: Policy
    program: Program
    source: str
    decide: Decide

    def outputs(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs by field for one row, as the engine gives them; fields without a value are absent."""
        reached, *results = self.decide(values)
        if not reached:
            return {}
        readers = _readers(self.program)
        given = {name: reader(result) for (name, reader), result in zip(readers.items(), results, strict=True)}
        return {name: value for name, value in given.items() if value is not None}

    def run(self, values: Mapping[str, Any]) -> PolicyResult:
        """Decide one input as ``jiehuan.policy.run`` does, without a trace. Raises as it does."""
        known = read_values(self.policy.inputs, values)
        return as_result(self.policy, known, self.outputs(known), ())

    def batch(self, frame: pl.DataFrame, *, everything: bool = False) -> tuple[pl.DataFrame, ColumnResult]:
        """Decide a frame (see ``batch_of``)."""
        return batch_of(self.program, frame, everything=everything)

    def used(self) -> tuple[str, ...]:
        """The inputs that decide anything."""
        return tuple(used_inputs(self.program))


@lru_cache(maxsize=32)
def _cached(version: str, policy: _ByVersion) -> Compiled:
    program = build(policy.policy)
    source = print_source(program)
    return Compiled(policy.policy, program, source, compile_source(source))


@dataclass(frozen=True)
class _ByVersion:
    """A policy that is equal to another of the same name and version, for the cache."""

    policy: Policy

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByVersion) and other.policy.version == self.policy.version

    def __hash__(self) -> int:
        return hash(self.policy.version)


def compile_policy(policy: Policy) -> Compiled:
    """Compile a policy, or take it from the cache of its version.

    Raises InputError with all that cannot be compiled.
    """
    return _cached(policy.version, _ByVersion(policy))


def compile_problems(policy: Policy) -> tuple[Problem, ...]:
    """Why a policy cannot be compiled; empty when it can."""
    from jiehuan.units.errors import InputError

    try:
        compile_policy(policy)
    except InputError as error:
        return error.problems
    return ()


def batch_of(program: Program, frame: pl.DataFrame, *, everything: bool = False) -> tuple[pl.DataFrame, ColumnResult]:
    """Decide a frame: ``row`` (from 0), ``outcome``, ``limit_fen``, ``rate_ppm`` and ``reasons`` (codes in order).

    Limit and rate are null where the outcome is refuse, as in a single result. ``everything`` adds all else that
    the policy computes. Refused rows are absent from the frame and told in the second result.
    """
    import polars as pl

    from jiehuan.policy.columns import run_columns

    lists = [name for name in REASON_FIELDS if name in program.outputs]
    wanted = None if everything else ["outcome", "limit_fen", "rate_ppm", *lists]
    result = run_columns(program, frame, wanted)
    columns: dict[str, Any] = {"row": result.rows}
    for name, column in result.outputs.items():
        if everything or name not in lists:
            columns[name] = _series(program, column, program.outputs[name], result)
    table = pl.DataFrame(columns)
    if "outcome" not in table.columns:
        return table, result
    refused = pl.col("outcome") == "refuse"
    terms = [name for name in ("limit_fen", "rate_ppm") if name in table.columns]
    reasons = _reasons(program, result, table.get_column("outcome") == "refuse", lists)
    table = table.with_columns(pl.when(~refused).then(pl.col(name)).alias(name) for name in terms)
    table = table.with_columns(reasons.alias("reasons"))
    first = ["row", "outcome", *terms, "reasons"]
    return table.select(*first, pl.exclude(first)), result


def _series(program: Program, column: Column, value: Value, result: ColumnResult) -> pl.Series:
    """One output as a series: units as numbers, codes of texts as texts, null where there is no value."""
    import numpy as np
    import polars as pl

    if value.kind == "codes":
        return _codes_of(program, column, value)
    if value.kind == "null":
        return pl.Series([None] * len(result.rows))
    null = column.null
    if not result.reached.all():
        null = ~result.reached if null is None else null | ~result.reached
    if value.kind == "string":
        words = pl.Series(result.words, dtype=pl.String)
        place = column.data if null is None else np.where(null, 0, column.data)
        series = words.gather(place.astype(np.uint32)) if len(words) else pl.Series([], dtype=pl.String)
    else:
        series = pl.Series(column.data / 10**value.scale if value.scale else column.data)
    if null is None:
        return series
    return pl.DataFrame({"value": series, "null": null}).select(pl.when(~pl.col("null")).then("value")).to_series()


def _reasons(program: Program, result: ColumnResult, refused: pl.Series, lists: Sequence[str]) -> pl.Series:
    """The codes that each row's outcome rests on, as one column of lists."""
    import numpy as np

    told = refused.fill_null(False).to_numpy()
    parts = [
        (name, [str(one.get("code", "")) for one in program.codes[program.outputs[name].args[0]]]) for name in lists
    ]
    against = [part for part in parts if part[0] == REASON_FIELDS[0]]
    others = [part for part in parts if part[0] != REASON_FIELDS[0]]
    first, second = (_packed(result, group) for group in (against, others))
    codes = [code for _, group in (*against, *others) for code in group]
    split = sum(len(group) for _, group in against)
    if split < _FEW and len(codes) - split < _FEW:
        keys = np.where(told, first, second + (1 << split))
        known = np.flatnonzero(np.bincount(keys)) if len(keys) else np.zeros(0, np.int64)
        rank = np.zeros(int(known[-1]) + 1 if len(known) else 1, np.uint32)
        rank[known] = np.arange(len(known), dtype=np.uint32)
        sets = np.where(known < 1 << split, known, (known - (1 << split)) << split)
        return _lists(sets, codes).gather(rank[keys])
    return _code_lists(np.where(told, first, second << split), codes)


def _packed(result: ColumnResult, group: Sequence[tuple[str, Sequence[str]]]) -> np.ndarray[Any, Any]:
    """Several sets of codes of each row as one set, side by side."""
    import numpy as np

    bits: np.ndarray[Any, Any] = np.zeros(len(result.rows), np.int64)
    width = 0
    for name, codes in group:
        bits = bits | (result.outputs[name].data << width)
        width += len(codes)
    return bits


def _codes_of(program: Program, column: Column, value: Value) -> pl.Series:
    codes = [str(entry.get("code", "")) for entry in program.codes[value.args[0]]]
    return _code_lists(column.data, codes)


def _readers(program: Program) -> dict[str, Callable[[Any], Any]]:
    return {name: _reader(program, value) for name, value in program.outputs.items()}


def _reader(program: Program, value: Value) -> Callable[[Any], Any]:
    """How a raw output becomes the value the engine gives: scaled numbers, lists of what rows give."""
    if value.kind == "codes":
        given = program.codes[value.args[0]]
        return lambda bits: [dict(entry) for row, entry in enumerate(given) if bits >> row & 1]
    if value.kind == "number" and value.scale:
        factor = 10**value.scale
        return lambda units: None if units is None else (units // factor if units % factor == 0 else units / factor)
    return lambda result: result


def _code_lists(bits: np.ndarray[Any, Any], codes: Sequence[str]) -> pl.Series:
    """Each row's set of codes as a list: there are far fewer sets than rows, so each list is written once."""
    import numpy as np
    import polars as pl

    sets = pl.Series(bits).unique(maintain_order=True)
    place = pl.Series(bits).replace_strict(sets, np.arange(len(sets), dtype=np.uint32), return_dtype=pl.UInt32)
    return _lists(sets.to_numpy(), codes).gather(place)


def _lists(sets: np.ndarray[Any, Any], codes: Sequence[str]) -> pl.Series:
    """Sets of codes, one bit a code, as lists in the order of the codes, each code once."""
    import numpy as np
    import polars as pl

    held = [np.flatnonzero(sets >> bit & 1) for bit in range(len(codes))]
    flat = pl.DataFrame(
        {
            "set": np.concatenate([*held, np.zeros(0, np.int64)]).astype(np.uint32),
            "code": pl.Series(codes, dtype=pl.String).gather(
                np.repeat(np.arange(len(codes)), [len(one) for one in held])
            ),
        }
    )
    lists = flat.unique(maintain_order=True).group_by("set", maintain_order=True).agg("code")
    every = pl.DataFrame({"set": np.arange(len(sets), dtype=np.uint32)})
    return every.join(lists, on="set", how="left", maintain_order="left").get_column("code").fill_null([])
