"""Bank flows of made-up people whose true income is known: salaries, gig payouts, circles, loans, own transfers, noise."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from jiehuan.units.days import add_months

SHOPS = ("美团", "盒马", "滴滴出行", "淘宝", "便利蜂", "中国移动", "全家便利店")


@dataclass
class Person:
    """Builds one person's flow from ``start`` over ``months``; ``truth`` is the income that may be counted on, fen."""

    seed: int
    start: date = date(2026, 1, 20)
    months: int = 6
    rows: list[tuple[datetime, int, str, str, bool]] = field(default_factory=list)
    truth: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.end = add_months(self.start, self.months)

    def add(self, at: datetime, fen: int, party: str, text: str, own: bool = False) -> None:
        if self.start <= at.date() < self.end:
            self.rows.append((at, fen, party, text, own))

    def at(self, day: date) -> datetime:
        return datetime.combine(day, time(self.random.randint(7, 22), self.random.randint(0, 59)))

    def each_month(self, day: int) -> list[date]:
        first = self.start.replace(day=1)
        return [add_months(first, n, day) for n in range(-1, self.months + 2)]

    def salary(
        self, fen: int, day: int = 10, *, text: str = "代发工资", party: str = "杭州云帆网络科技有限公司", noise: float = 0.03,
        since: date | None = None, until: date | None = None, counts: bool = True, bonus: float = 0.0,
    ) -> Person:  # fmt: skip
        for n, pay in enumerate(self.each_month(day)):
            while pay.weekday() > 4:
                pay -= timedelta(days=1)
            paid = fen * self.random.gauss(1, noise) * (1 + bonus * (n == self.months // 2))
            if (since is None or pay >= since) and (until is None or pay < until):
                self.add(self.at(pay), round(paid), party, text)
        self.truth += fen if counts else 0
        return self

    def gig(self, fen: int, per_month: int = 25, *, party: str = "上海拉扎斯信息科技有限公司", text: str = "骑手结算款") -> Person:
        day = self.start
        while day < self.end:
            if self.random.random() < per_month / 30.4:
                self.add(self.at(day), round(fen / per_month * self.random.uniform(0.5, 1.5)), party, text)
            day += timedelta(days=1)
        self.truth += fen
        return self

    def spending(self, fen: int = 300_000) -> Person:
        day = self.start
        while day < self.end:
            for _ in range(self.random.randint(0, 3)):
                self.add(self.at(day), -round(fen / 45 * self.random.uniform(0.3, 1.7)), self.random.choice(SHOPS), "快捷支付")
            day += timedelta(days=1)
        return self

    def loan(self, fen: int, months: int = 6, party: str = "重庆蚂蚁消费金融有限公司", word: str = "借呗") -> Person:
        drawn = self.start + timedelta(days=self.random.randint(5, 40))
        self.add(self.at(drawn), fen, party, f"{word}放款")
        for n in range(1, months + 1):
            self.add(self.at(add_months(drawn, n)), -round(fen / months * 1.1), party, f"{word}还款")
        return self

    def circle(self, fen: int, party: str = "陈小明", text: str = "转账", times: int = 2) -> Person:
        for month in self.each_month(5):
            for n in range(times):
                day = month + timedelta(days=7 * n)
                amount = round(fen * self.random.uniform(0.8, 1.2))
                self.add(self.at(day), -amount, party, "转账")
                self.add(self.at(day + timedelta(days=self.random.randint(1, 3))), round(amount * 0.997), party, text)
        return self

    def ring(self, fen: int, payer: str = "某某商贸", back: str = "李某") -> Person:
        for month in self.each_month(8):
            for n in range(2):
                amount = round(fen * self.random.uniform(0.8, 1.2))
                day = month + timedelta(days=12 * n)
                self.add(datetime.combine(day, time(10)), amount, payer, "货款")
                self.add(datetime.combine(day, time(15)), -amount, back, "往来")
        return self

    def own_transfers(self, fen: int = 200_000) -> Person:
        for month in self.each_month(22):
            self.add(self.at(month), fen, "财付通", "微信零钱提现")
            self.add(self.at(month + timedelta(days=2)), -fen, "招商银行", "转账", own=True)
            self.add(self.at(month + timedelta(days=3)), fen, "招商银行", "转账", own=True)
        return self

    def family(self, fen: int = 150_000) -> Person:
        for month in self.each_month(1):
            self.add(self.at(month), fen, "王秀英", "生活费")
        return self

    def gifts(self) -> Person:
        for _ in range(self.months * 2):
            day = self.start + timedelta(days=self.random.randint(0, 30 * self.months))
            self.add(self.at(day), self.random.randint(5_000, 90_000), self.random.choice(["李雷", "韩梅梅", "赵刚", "周敏"]), "红包")
        return self

    def refund(self) -> Person:
        for month in self.each_month(16):
            self.add(self.at(month), self.random.randint(3_000, 20_000), "淘宝", "退款")
        return self

    def flow(self) -> list[dict[str, Any]]:
        balance, told = 500_000, []
        for at, fen, party, text, own in sorted(self.rows):
            balance += fen
            told.append({
                "at": at.isoformat(sep=" "), "amount_fen": fen, "counterparty": party, "description": text, "own_account": own,
                "balance_fen": balance,
            })  # fmt: skip
        return told


def salaried(seed: int) -> Person:
    rng = random.Random(seed)
    person = Person(seed, months=rng.choice([4, 6, 9, 12])).salary(rng.randint(400_000, 2_000_000), rng.choice([5, 10, 15, 25, 30]))
    return person.spending().own_transfers().gifts().refund().loan(rng.randint(200_000, 900_000))


def rider(seed: int) -> Person:
    rng = random.Random(seed)
    person = Person(seed, start=date(2026, 1, rng.randint(1, 28)), months=rng.choice([4, 6, 9]))
    return person.gig(rng.randint(450_000, 1_100_000)).spending().own_transfers().gifts()


def mixed(seed: int) -> Person:
    rng = random.Random(seed)
    person = Person(seed, months=rng.choice([6, 9])).salary(rng.randint(400_000, 900_000)).gig(rng.randint(100_000, 300_000), 12)
    return person.spending().family().gifts().circle(300_000)
