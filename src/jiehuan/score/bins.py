"""The bins of one feature: ranges or groups of categories, special codes, missing, other; each with its evidence.

Order of the bins: ranges (or groups), special codes, missing, other. A range holds its lower edge, not its upper one.
WOE is ln(share of events / share of non-events), so that more is riskier. Reading one value needs the standard library only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import polars as pl


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin and what was seen in it at the fit: rows, events (weighted), WOE (smoothed) and its part of the IV."""

    label: str
    kind: str  # range group special missing other
    rows: float
    events: float
    woe: float
    iv: float

    @property
    def rate(self) -> float:
        """Share of events among the bin's rows, 0 when it holds none."""
        return self.events / self.rows if self.rows else 0.0


@dataclass(frozen=True, slots=True)
class Bins:
    """All bins of the feature ``name``: ``edges`` for numbers or ``groups`` for categories, ``specials``, and the evidence.

    ``trend`` is ascending, descending, peak, valley (numbers) or groups (categories).
    """

    name: str
    trend: str
    edges: tuple[float, ...]
    groups: tuple[tuple[str, ...], ...]
    specials: tuple[float, ...]
    bins: tuple[Bin, ...]

    @property
    def is_category(self) -> bool:
        """Whether the feature's values are texts."""
        return self.trend == "groups"

    @property
    def ordinary(self) -> int:
        """How many bins are ranges or groups; the special codes, missing and other come after them."""
        return len(self.groups) if self.is_category else len(self.edges) + 1

    @property
    def missing(self) -> int:
        """The place of the bin for missing values."""
        return self.ordinary + len(self.specials)

    @property
    def other(self) -> int:
        """The place of the bin for rare and unseen categories (never used by numbers)."""
        return self.missing + 1

    @property
    def iv(self) -> float:
        """Information value: the sum over the bins."""
        return sum(part.iv for part in self.bins)

    def code_reader(self) -> Callable[[Any], int]:
        """A function from one value (float with NaN, or text with None) to its bin's place."""
        missing, other, edges = self.missing, self.other, self.edges
        if self.is_category:
            places = self._places()
            return lambda text: missing if text is None else places.get(text, other)
        if self.specials:
            special = {code: self.ordinary + place for place, code in enumerate(self.specials)}
            return lambda value: (
                missing if value != value else special[value] if value in special else bisect_right(edges, value)
            )
        return lambda value: missing if value != value else bisect_right(edges, value)

    def codes_of_numbers(self, values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bin's place of every value: uint8[n]."""
        import numpy as np

        if len(values) >= _COMPILED_FROM:
            from jiehuan.score.lookup import place_numbers

            return place_numbers(
                np.ascontiguousarray(values),
                np.array(self.edges, float),
                np.array(self.specials, float),
                self.ordinary,
                self.missing,
            )
        codes = np.searchsorted(np.array(self.edges, float), values, side="right").astype(np.uint8)
        for place, code in enumerate(self.specials):
            codes[values == code] = self.ordinary + place
        codes[np.isnan(values)] = self.missing
        return codes

    def codes_of_texts(self, texts: pl.Series) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The bin's place of every text (null: missing): uint8[n]."""
        import numpy as np
        import polars as pl

        places = self._places()
        names = list(places)
        if not names:
            return np.where(texts.is_null().to_numpy(), self.missing, self.other).astype(np.uint8)
        table = np.array([*places.values(), self.other], np.uint8)
        ranks = texts.cast(pl.Enum(names), strict=False).to_physical().fill_null(len(names)).to_numpy()
        codes: np.ndarray[Any, np.dtype[np.uint8]] = table[ranks]
        if texts.null_count():
            codes[texts.is_null().to_numpy()] = self.missing
        return codes

    def _places(self) -> dict[str, int]:
        return {text: place for place, group in enumerate(self.groups) for text in group}

    def as_document(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "name": self.name, "trend": self.trend, "edges": list(self.edges), "groups": [list(group) for group in self.groups],
            "specials": list(self.specials), "bins": [asdict(part) for part in self.bins],
        }  # fmt: skip

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Bins:
        """The bins that ``as_document`` wrote."""
        return cls(
            name=document["name"],
            trend=document["trend"],
            edges=tuple(document["edges"]),
            groups=tuple(tuple(group) for group in document["groups"]),
            specials=tuple(document["specials"]),
            bins=tuple(Bin(**part) for part in document["bins"]),
        )


_COMPILED_FROM = 50_000
"""Rows from which the compiled lookup pays for loading the compiler (a quarter of a second)."""


def range_label(edges: Sequence[float], place: int) -> str:
    """How a range is written: ``< 5``, ``[5, 9)``, ``>= 9``; ``any`` when there is only one."""
    if not edges:
        return "any"
    if place == 0:
        return f"< {edges[0]:.6g}"
    if place == len(edges):
        return f">= {edges[-1]:.6g}"
    return f"[{edges[place - 1]:.6g}, {edges[place]:.6g})"
