"""The two ways a request can fail, and how a refusal is said.

An error is a sentence with the place, the value and the mend. Many errors are collected before one is raised, so that a
person mends a file once, not line by line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from jiehuan.units.personal import masked


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where it stands, what was found, why it is refused and how to mend it.

    ``where`` is a path a person can follow (``loans.csv row 17, drawn_on``); ``zh`` and ``citation`` are set when the
    reason is the law's. Problems are printed, logged and kept, so what may be personal in ``value`` is masked.
    """

    where: str
    value: str
    reason: str
    mend: str = ""
    citation: str = ""
    zh: str = ""

    def __post_init__(self) -> None:
        """Mask ``value``."""
        if len(self.value) > 5:
            object.__setattr__(self, "value", masked(self.value))

    def __str__(self) -> str:
        shown = f" {self.value!r}" if self.value else ""
        mend = f"; {self.mend}" if self.mend else ""
        cited = f" ({self.citation})" if self.citation else ""
        return f"{self.where}{shown}: {self.reason}{cited}{mend}"

    def as_dict(self) -> dict[str, str]:
        """The problem as plain strings, for JSON and for tables of refused rows."""
        return asdict(self)


class JiehuanError(Exception):
    """Base of the errors whose message is meant for the person at the other side."""

    exit_code = 1

    def __init__(self, problems: Problem | str | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(where="", value="", reason=problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem).removeprefix(": ") for problem in self.problems))


class Refused(JiehuanError):  # noqa: N818 - a refusal is an answer, not a fault
    """Understood, and refused: a rule of law or of policy, or a state that does not allow it. Exit code 1."""

    exit_code = 1


class InputError(JiehuanError):
    """Not understood: a malformed file, a wrong type, an impossible value. Exit code 2."""

    exit_code = 2


class Conflict(Refused):
    """The same idempotency key came with other content, or two writers met on one loan."""
