"""What the rows of a table cover: inputs that no row takes, rows that are never reached, rows that overlap.

Every value which the cells test is cut at the bounds that stand in the cells; between two cuts all inputs are alike,
so a table is a grid of finitely many boxes and questions about it have exact answers. A condition that compares two
values with each other has no box; it is taken as perhaps, which never turns a doubt into an accusation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jiehuan.policy.typed import Condition, Value

BUDGET = 200_000
"""Boxes looked at before a question is given up as too large."""

OTHER = "\0other"


@dataclass(frozen=True)
class Grid:
    """The subjects that a table's rows test, and for each the alike pieces of its domain, one bit a piece.

    ``rows`` holds for each row a bit set by subject (absent: any), ``vague`` the rows with a condition without a box.
    """

    subjects: tuple[Value, ...]
    pieces: tuple[tuple[Any, ...], ...]
    rows: tuple[Mapping[int, int], ...]
    vague: frozenset[int]

    def full(self, subject: int) -> int:
        """All pieces of a subject."""
        return (1 << len(self.pieces[subject])) - 1


class TooLarge(Exception):  # noqa: N818 - an answer that was not found within the budget
    """The table has too many boxes."""


def grid_of(conditions: Sequence[Condition]) -> Grid:
    """The grid of a table's rows."""
    parts = [condition.args if condition.op == "and" else (condition,) for condition in conditions]
    subjects: dict[Value, int] = {}
    vague: set[int] = set()
    for number, row in enumerate(parts):
        for part in row:
            found = set(_subjects(part))
            if part.op not in {"true", "false"} and (len(found) != 1 or None in found):
                vague.add(number)
                continue
            for subject in found:
                if subject is not None:
                    subjects.setdefault(subject, len(subjects))
    listed = tuple(subjects)
    boxed = [
        [part for part in row if len(set(_subjects(part)) - {None}) == 1 and None not in set(_subjects(part))]
        for row in parts
    ]
    pieces = tuple(
        _pieces(subject, [part for row in boxed for part in row if subject in set(_subjects(part))])
        for subject in listed
    )
    rows: list[dict[int, int]] = []
    for number, row in enumerate(parts):
        sets: dict[int, int] = {}
        for part in row:
            if part.op == "false":
                sets[-1] = 0
            if part not in boxed[number]:
                continue
            place = subjects[next(subject for subject in _subjects(part) if subject is not None)]
            taken = sum(1 << n for n, piece in enumerate(pieces[place]) if _holds(part, piece))
            sets[place] = sets.get(place, (1 << len(pieces[place])) - 1) & taken
        rows.append(sets)
    return Grid(listed, pieces, tuple(rows), frozenset(vague))


def uncovered(grid: Grid, rows: Sequence[int], within: Mapping[int, int] | None = None) -> dict[int, int] | None:
    """A box inside ``within`` (default: everything) that none of ``rows`` covers, as a piece by subject; None when
    none.

    Raises TooLarge.
    """
    budget = [BUDGET]
    seen: set[tuple[int, frozenset[int]]] = set()
    return _search(grid, 0, frozenset(row for row in rows if -1 not in grid.rows[row]), within or {}, seen, budget)


def _search(
    grid: Grid, subject: int, alive: frozenset[int], within: Mapping[int, int], seen: set[Any], budget: list[int]
) -> dict[int, int] | None:
    if not alive:
        return {place: _first(within.get(place, grid.full(place))) for place in range(subject, len(grid.subjects))}
    if subject == len(grid.subjects) or (subject, alive) in seen:
        return None
    budget[0] -= 1
    if budget[0] < 0:
        raise TooLarge
    tried: set[frozenset[int]] = set()
    for piece in range(len(grid.pieces[subject])):
        if not within.get(subject, grid.full(subject)) >> piece & 1:
            continue
        left = frozenset(row for row in alive if grid.rows[row].get(subject, -1) >> piece & 1)
        if left in tried:
            continue
        tried.add(left)
        found = _search(grid, subject + 1, left, within, seen, budget)
        if found is not None:
            return {subject: piece, **found}
    seen.add((subject, alive))
    return None


def overlap(grid: Grid, one: int, other: int) -> dict[int, int] | None:
    """A box which two rows both cover while each also covers what the other does not; None when there is none."""
    a, b = grid.rows[one], grid.rows[other]
    if -1 in a or -1 in b:
        return None
    shared: dict[int, int] = {}
    only_a = only_b = False
    for subject in range(len(grid.subjects)):
        left, right = a.get(subject, grid.full(subject)), b.get(subject, grid.full(subject))
        if not left & right:
            return None
        shared[subject] = _first(left & right)
        only_a, only_b = only_a or bool(left & ~right), only_b or bool(right & ~left)
    return shared if only_a and only_b else None


def shown(grid: Grid, box: Mapping[int, int]) -> dict[str, Any]:
    """A box as an example of it: one value for each subject that has a name."""
    return {name: grid.pieces[place][piece] for place, piece in box.items() if (name := _name(grid.subjects[place]))}


def _first(bits: int) -> int:
    return (bits & -bits).bit_length() - 1


def _name(subject: Value) -> str:
    return str(subject.args[0]) if subject.op in {"input", "var"} else ""


def _subjects(part: Condition) -> Iterator[Value | None]:
    """The values a condition tests; None stands for one that has no box of its own."""
    if part.op in {"and", "or", "not"}:
        for arg in part.args:
            yield from _subjects(arg)
        return
    values = [arg for arg in part.args if isinstance(arg, Value)]
    free = [_bare(value) for value in values if not value.constant]
    if len(free) != 1:
        yield from [None] if free else []
    elif part.op == "text" and free[0].words is None:
        yield None
    else:
        yield free[0]


def _bare(value: Value) -> Value:
    return value.args[0] if value.op == "scale" else value


def _pieces(subject: Value, parts: Sequence[Condition]) -> tuple[Any, ...]:
    """One value out of each alike piece of a subject's domain, null last."""
    null: tuple[Any, ...] = (None,) if subject.nullable else ()
    if subject.kind == "boolean":
        return (False, True, *null)
    if subject.kind == "string":
        mentioned = {arg.args[0] for part in parts for arg in _constants(part) if isinstance(arg.args[0], str)}
        words = sorted(subject.words if subject.words is not None else {*mentioned, OTHER})
        return (*words, *null)
    cuts = {subject.low}
    for part in parts:
        for cut in _cuts(part):
            cuts |= {edge for edge in (cut, cut + 1) if subject.low < edge <= subject.high}
    return (*sorted(cuts), *null)


def _constants(part: Condition) -> Iterator[Value]:
    for arg in part.args:
        if isinstance(arg, Condition):
            yield from _constants(arg)
        elif isinstance(arg, Value) and arg.constant:
            yield arg


def _cuts(part: Condition) -> Iterator[int]:
    """Units of the subject at which a condition may change: below and at the bound."""
    if part.op in {"and", "or", "not"}:
        for arg in part.args:
            yield from _cuts(arg)
        return
    values = [arg for arg in part.args if isinstance(arg, Value)]
    factor = next((value.args[1] for value in values if value.op == "scale"), 1)
    for value in values:
        if value.constant and isinstance(value.args[0], int):
            yield from (value.args[0] // factor - 1, value.args[0] // factor)


def _holds(part: Condition, piece: Any) -> bool:
    """Whether a condition on one subject holds for a value of it (numbers in units)."""
    if part.op == "and":
        return all(_holds(arg, piece) for arg in part.args)
    if part.op == "or":
        return any(_holds(arg, piece) for arg in part.args)
    if part.op == "not":
        return not _holds(part.args[0], piece)
    if part.op == "null":
        return piece is None
    if part.op == "is":
        return piece is part.args[1]
    if part.op == "text":
        way, _, word = part.args
        return piece is not None and (word in piece if way == "contains" else bool(getattr(piece, way.lower())(word)))
    left, right = (_at(arg, piece) for arg in part.args if isinstance(arg, Value))
    if part.op == "same":
        return bool(left == right)
    if left is None or right is None:
        return False
    return bool({">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[part.args[0]])


def _at(value: Value, piece: Any) -> Any:
    if value.constant:
        return value.args[0]
    return piece if value.op != "scale" or piece is None else piece * value.args[1]
