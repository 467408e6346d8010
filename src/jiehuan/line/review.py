"""Review one borrower's credit line: raise, lower or hold the limit, and the price of new draws, with reasons.

The limit is chosen by expected profit (interest less funding, cost and expected loss on the exposure at default) among those
that law, affordability and step limits allow. A dead band between the probabilities of default that raise and lower, and
waiting times, keep it from swinging. What is drawn stays as it was agreed: neither its price nor its schedule changes, and a
limit never goes below the balance. A random share of borrowers (seeded hash) keeps its limit, so that the effect is known;
what law requires is done to them too.

The price of new draws is that of the risk grade and of nothing else: not of how much somebody uses the line, nor of chance. So it is
the same in both arms, falls to the grade's at once, and only rises in steps (PIPL art. 24: no unreasonable differences).
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from jiehuan.law import Law
from jiehuan.line.decision import LineAccount, LineDecision, check_account
from jiehuan.line.params import LineParams, default_params
from jiehuan.line.value import affordable_limit, expected_profit
from jiehuan.units.money import format_yuan


def review(account: LineAccount, law: Law, params: LineParams | None = None) -> LineDecision:
    """Review a line under the law of ``law.on``. Raises InputError when the account makes no sense."""
    p = params if params is not None else default_params()
    check_account(account)
    reasons: list[dict[str, str]] = []
    legal = _legal_limit(account, law)
    lawful = account.limit_fen if legal is None else min(account.limit_fen, max(legal, account.balance_fen))
    if legal is not None and lawful < account.limit_fen:
        reasons.append(
            _reason(
                "law_cap",
                f"法定单户上限 {format_yuan(legal)} 元",
                f"the law's cap for one borrower, {format_yuan(legal)} yuan",
            )
        )
    proposed = _propose(account, law.on, lawful, legal, p, reasons)
    held = holdout_arm(account.borrower_id, p.seed, p.holdout)
    new_limit = lawful if held else proposed
    if held and proposed != lawful:
        reasons.append(
            _reason(
                "holdout",
                "随机对照组：额度维持不变，用于衡量效果",
                "held out at random: the limit stays, to measure the effect",
            )
        )
    old_rate = account.rate_ppm
    new_rate = _price(account, law, p, reasons)
    direction = "raise" if new_limit > account.limit_fen else "lower" if new_limit < account.limit_fen else "hold"
    if not reasons:
        reasons.append(_reason("hold", "无需调整", "no change is called for"))
    at_once = reasons[0]["code"] in {"freeze", "law_cap"}
    limit_days = (
        p.notice_raise_days if direction == "raise" else 0 if direction == "hold" or at_once else p.notice_lower_days
    )
    rate_days = (
        p.notice_price_up_days if new_rate > old_rate else p.notice_price_down_days if new_rate < old_rate else 0
    )
    cap = law.value("cost_cap")
    if cap is not None and old_rate > cap:
        rate_days = 0
    return LineDecision(
        account.borrower_id, law.on, account.limit_fen, new_limit, proposed, old_rate, new_rate, direction, tuple(reasons),
        "holdout" if held else "treated", p.holdout if held else 1.0 - p.holdout, expected_profit(account, account.limit_fen, p),
        expected_profit(account, new_limit, p), new_limit != account.limit_fen or new_rate != old_rate, law.version, p.version,
        law.on + timedelta(days=limit_days), law.on + timedelta(days=rate_days),
        direction == "raise" and p.approve_raise, new_rate > old_rate and p.approve_price_up,
    )  # fmt: skip


def holdout_arm(borrower_id: str, seed: int, share: float) -> bool:
    """Whether a borrower is held out: the same in every review of one seed."""
    digest = hashlib.blake2b(borrower_id.encode(), digest_size=8, key=str(seed).encode()[:64], person=b"line").digest()
    return int.from_bytes(digest, "big") < int(share * 2**64)


def _propose(
    a: LineAccount, on: date, lawful: int, legal: int | None, p: LineParams, reasons: list[dict[str, str]]
) -> int:
    """The limit that the rule wants, before arms."""
    waited = _months(a.last_limit_change, on)
    floor = a.balance_fen
    if a.alert == "critical" or a.dpd > 30:
        words = dict(a.alert_reason) if a.alert == "critical" and a.alert_reason else {}
        zh = words.get("zh") or (f"逾期 {a.dpd} 天" if a.dpd > 30 else "严重预警")
        en = words.get("en") or (f"{a.dpd} days past due" if a.dpd > 30 else "a critical alert")
        reasons.insert(0, _reason("freeze", f"{zh}：未用额度停用", f"{en}: the unused part of the limit is closed"))
        return min(lawful, floor)
    if a.dpd > 0 or a.alert == "warning" or a.pd >= p.lower_pd:
        if waited < p.lower_months and a.last_direction == "lower":
            reasons.append(
                _reason(
                    "wait",
                    f"距上次下调不足 {p.lower_months} 个月",
                    f"less than {p.lower_months} months since it was lowered",
                )
            )
            return lawful
        low = max(floor, _round(a.limit_fen * (1.0 - p.lower_step), p.round_to), 0)
        best = _best(a, low, lawful, p)
        if lawful - best < p.least_change:
            reasons.append(_reason("small", "下调幅度过小，维持", "the cut would be too small to matter"))
            return lawful
        if a.dpd > 0:
            reasons.insert(0, _reason("overdue", f"当前逾期 {a.dpd} 天", f"{a.dpd} days past due now"))
        elif a.alert == "warning":
            words = dict(a.alert_reason)
            reasons.insert(0, _reason("warning", words.get("zh", "风险预警"), words.get("en", "a warning is open")))
        else:
            reasons.insert(
                0,
                _reason(
                    "risk",
                    f"违约概率 {a.pd:.1%} 高于 {p.lower_pd:.0%}",
                    f"probability of default {a.pd:.1%}, above {p.lower_pd:.0%}",
                ),
            )
        return best
    blocks = _raise_blocks(a, waited, p)
    if a.pd > p.raise_pd or blocks:
        reasons.extend(blocks if a.pd <= p.raise_pd else [])
        return lawful
    carried = affordable_limit(a, p)
    top = min(_round(a.limit_fen * (1.0 + p.raise_step), p.round_to), p.most)
    if legal is not None:
        top = min(top, legal)
    if carried is not None:
        top = min(top, carried // p.round_to * p.round_to)
    best = _best(a, lawful, max(lawful, top), p)
    if best - lawful < p.least_change:
        if carried is not None and carried <= lawful:
            reasons.append(_reason("affordability", "收入不支持更高额度", "the income does not carry a higher limit"))
        return lawful
    reasons.insert(
        0,
        _reason(
            "good_conduct",
            f"连续 {a.months_clean} 个月按时还款，违约概率 {a.pd:.1%}",
            f"{a.months_clean} months on time, probability of default {a.pd:.1%}",
        ),
    )
    return best


def _raise_blocks(a: LineAccount, waited: int, p: LineParams) -> list[dict[str, str]]:
    """Why a limit may not be raised now."""
    blocks = []
    if a.months_on_book < p.raise_months_on_book:
        blocks.append(
            _reason(
                "young",
                f"开户不足 {p.raise_months_on_book} 个月",
                f"less than {p.raise_months_on_book} months on the book",
            )
        )
    if a.months_clean < p.raise_clean_months:
        blocks.append(
            _reason(
                "not_clean",
                f"按时还款不足 {p.raise_clean_months} 个月",
                f"less than {p.raise_clean_months} months on time",
            )
        )
    need = p.raise_after_lower_months if a.last_direction == "lower" else p.raise_months
    if waited < need:
        blocks.append(_reason("wait", f"距上次调整不足 {need} 个月", f"less than {need} months since the last change"))
    if a.limit_fen > 0 and a.balance_fen < p.raise_usage_from * a.limit_fen:
        blocks.append(_reason("unused", "额度使用率低", "the line is hardly used"))
    if a.income_fen is None:
        blocks.append(_reason("income_unknown", "收入未核实", "the income is not verified"))
    return blocks


def _best(a: LineAccount, low: int, high: int, p: LineParams) -> int:
    """The limit in [low, high] of the most expected profit. Profit is linear above the balance, so it is one of the ends."""
    if high <= low:
        return low if high < low else high
    return high if expected_profit(a, high, p) > expected_profit(a, low, p) else low


def _price(a: LineAccount, law: Law, p: LineParams, reasons: list[dict[str, str]]) -> int:
    """The price of new draws: that of the grade; upwards by at most a step and not too often; never above the law's cap."""
    wanted = next(grade.rate_ppm for grade in p.grades if a.pd <= grade.to_pd)
    cap = law.value("cost_cap")
    new = a.rate_ppm
    closed = a.alert == "critical" or a.dpd > 30
    if not closed and (wanted < a.rate_ppm or _months(a.last_rate_change, law.on) >= p.rate_months):
        new = min(a.rate_ppm + p.rate_step, wanted)
        if 0 < new - a.rate_ppm < p.rate_least:
            new = a.rate_ppm
    if cap is not None and new > cap:
        new = int(cap)
        reasons.append(
            _reason("cost_cap", f"综合成本上限 {_percent(cap)}", f"the cap on the all-in cost, {_percent(cap)}")
        )
    if new != a.rate_ppm and (cap is None or new != cap or a.rate_ppm <= cap):
        reasons.append(
            _reason(
                "price",
                f"按风险等级定价（违约概率 {a.pd:.1%}，该等级年利率 {_percent(wanted)}）",
                f"priced by risk grade (probability of default {a.pd:.1%}, the grade's rate {_percent(wanted)})",
            )
        )
    return new


def _legal_limit(a: LineAccount, law: Law) -> int | None:
    cap = law.value("balance_cap")
    return None if cap is None else max(0, int(cap) - a.lines_fen)


def _months(since: date | None, on: date) -> int:
    """Whole months since a date; a very long time when there was none."""
    if since is None:
        return 10_000
    return (on.year - since.year) * 12 + on.month - since.month - (on.day < since.day)


def _round(fen: float, to: int) -> int:
    return int(fen // to) * to


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:g}%"


def _reason(code: str, zh: str, en: str) -> dict[str, str]:
    return {"code": code, "zh": zh, "en": en}
