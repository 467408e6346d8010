"""The work list that a plan comes to: its lines with their reasons, best first, and what it is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from jiehuan.collect.account import Accounts
from jiehuan.collect.capacity import Capacity
from jiehuan.collect.message import template_for
from jiehuan.collect.response import BUCKETS, Responses, bucket_of
from jiehuan.collect.segment import SEGMENT_WORDS, SEGMENTS
from jiehuan.units.errors import Problem
from jiehuan.units.money import format_yuan

if TYPE_CHECKING:
    import polars as pl

NONE = "none"
"""The action of a debtor for whom nothing is done."""

_ACTION_WORDS = {
    "sms": ("短信", "SMS"),
    "mail": ("邮件", "mail"),
    "call": ("电话", "call"),
    "letter": ("信函", "letter"),
    "legal": ("立案准备", "legal case"),
}

_WHY = {
    "": ("", ""),
    "holdout": (
        "随机对照组：按默认处理，用于衡量效果",
        "held out at random: left on the default, to measure the effect",
    ),
    "hold": ("已登记投诉、异议或困难：暂停联系", "a complaint, dispute or hardship is registered: contact is stopped"),
    "promise": ("还款承诺未到期：暂不联系", "a promise to pay is still open: no contact before its day"),
    "rest": ("近期已联系：间隔未满", "contacted recently: left alone for now"),
    "other": ("同一债务人另有账户已安排联系", "the same debtor is contacted about another account"),
    "calls": ("今日通话已达法定上限，不再致电", "no more calls today: the legal maximum is reached"),
    "current": ("未逾期", "not overdue"),
    "small": ("预期收益不高于成本", "the expected gain does not pay the cost"),
    "capacity": ("今日产能用于收益更高的账户", "today's capacity went to accounts that gain more"),
}


@dataclass(frozen=True, slots=True)
class PlanItem:
    """One line of the work list. ``at`` is None and the gain 0 where nothing is done; ``reason`` says why, in zh and en.

    ``intended`` is what the prices of scarce units call for, whatever the arm: debtors of both arms with the same intention are
    alike but for chance, so their difference is the effect of the action.
    """

    account_id: str
    debtor_id: str
    action: str
    at: datetime | None
    expected_gain_fen: int
    arm: str
    segment: str
    template: str
    reason: Mapping[str, str]
    intended: str = NONE


@dataclass(frozen=True, slots=True)
class Plan:
    """A work list, best first, with its worth and how far from the best possible it can be at most.

    ``bound_fen`` is what no plan under the same capacity and rules can pass; ``gap`` the share of it that may be missing.
    """

    items: tuple[PlanItem, ...]
    value_fen: int
    bound_fen: int
    gap: float
    used: Mapping[str, tuple[int, int]]
    prices: Mapping[str, float]
    refused: tuple[Problem, ...]

    def __iter__(self) -> Iterator[PlanItem]:
        return iter(self.items)

    def frame(self) -> pl.DataFrame:
        """The **plan** table: ``account_id, action, at, expected_gain_fen, arm, reason`` (JSON), ``debtor_id, segment, template, intended``."""
        import polars as pl

        return pl.DataFrame(
            {
                "account_id": [i.account_id for i in self.items],
                "action": [i.action for i in self.items],
                "at": [i.at for i in self.items],
                "expected_gain_fen": [i.expected_gain_fen for i in self.items],
                "arm": [i.arm for i in self.items],
                "reason": [json.dumps(dict(i.reason), ensure_ascii=False) for i in self.items],
                "debtor_id": [i.debtor_id for i in self.items],
                "segment": [i.segment for i in self.items],
                "template": [i.template for i in self.items],
                "intended": [i.intended for i in self.items],
            },
            schema={
                "account_id": pl.String,
                "action": pl.String,
                "at": pl.Datetime("us", "Asia/Shanghai"),
                "expected_gain_fen": pl.Int64,
                "arm": pl.String,
                "reason": pl.String,
                "debtor_id": pl.String,
                "segment": pl.String,
                "template": pl.String,
                "intended": pl.String,
            },
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that a line of the work list is written from."""

    a: Accounts
    able: Capacity
    told: Responses
    segment: NDArray[np.int8]
    arm: NDArray[np.bool_]
    choice: NDArray[np.int64]
    intended: NDArray[np.int64]
    gain: NDArray[np.float64]
    why: Sequence[str]
    times: Mapping[int, datetime]

    def item(self, i: int) -> PlanItem:
        """The line of one account."""
        a, named = self.a, SEGMENTS[self.segment[i]]
        arm = "holdout" if self.arm[i] else "treated"
        intended = self.able.actions[self.intended[i]].name if self.intended[i] >= 0 else NONE
        if self.choice[i] < 0:
            zh, en = _WHY[self.why[i] or "capacity"]
            reason = {"zh": zh, "en": en}
            return PlanItem(a.account_id[i], a.debtor_id[i], NONE, None, 0, arm, named, "", reason, intended)
        action = self.able.actions[self.choice[i]].name
        worth = int(self.gain[i, self.choice[i]])
        template = template_for(action, named, int(a.dpd[i]))
        return PlanItem(
            a.account_id[i], a.debtor_id[i], action, self.times[i], worth, arm, named, template, self._reason(i, action, worth),
            intended,
        )  # fmt: skip

    def _reason(self, i: int, action: str, worth: int) -> Mapping[str, str]:
        dpd, words = int(self.a.dpd[i]), SEGMENT_WORDS[SEGMENTS[self.segment[i]]]
        bucket = BUCKETS[int(bucket_of(self.a.dpd[i : i + 1])[0])]
        overdue, net = format_yuan(int(self.a.overdue_fen[i])), format_yuan(worth)
        assumed = self.told.evidence == "assumption"
        zh_basis, en_basis = ("假设", "assumed") if assumed else ("对照实测", "measured against the holdout")
        zh, en = _ACTION_WORDS[action]
        return {
            "zh": f"{bucket}，逾期 {dpd} 天、{overdue} 元；{words['zh']}；{zh}预期净收益 {net} 元（{zh_basis}）",
            "en": f"{bucket}, {dpd} days past due, {overdue} yuan; {words['en']}; a {en} is expected to bring {net} yuan net"
            f" ({en_basis})",
        }
