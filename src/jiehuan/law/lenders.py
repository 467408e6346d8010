"""The limits on what one lender may have out to one borrower, one group, one partner, and how it is funded.

Amounts in fen, shares in ppm. A rule that does not bind the lender on the day breaks nothing.
"""

from __future__ import annotations

from jiehuan.law.book import Law
from jiehuan.law.breach import Breach, breach, percent
from jiehuan.law.rule import Rule
from jiehuan.units.money import format_yuan
from jiehuan.units.rates import PPM, format_rate


def check_borrower_total(balance_fen: int, law: Law, *, new_fen: int = 0, where: str = "borrower") -> list[Breach]:
    """What a borrower owes this lender, with a new draw added, against the cap on one borrower's balance."""
    rule = law.rule("balance_cap")
    total = balance_fen + new_fen
    if rule is None or total <= rule.value:
        return []
    found, allowed = format_yuan(total), format_yuan(rule.value)
    zh, en = f"单户余额{found}元超过上限{allowed}元", f"one borrower would owe {found}, above the cap of {allowed}"
    return [breach(rule, f"{where}, borrower_balance", found, allowed, zh, en)]


def check_concentration(
    borrower_fen: int, net_assets_fen: int, law: Law, *, group_fen: int | None = None, where: str = "lender"
) -> list[Breach]:
    """A borrower's balance, and that of the borrower with related parties, as shares of the lender's net assets."""
    rule = law.rule("concentration")
    if rule is None:
        return []
    shares = [("borrower", borrower_fen, "借款人")]
    if group_fen is not None:
        shares.append(("group", group_fen, "借款人及关联方"))
    return _above_shares(shares, net_assets_fen, rule, where)


def check_leverage(
    non_standard_fen: int, standard_fen: int, net_assets_fen: int, law: Law, where: str = "lender"
) -> list[Breach]:
    """Bank and shareholder loans (non-standard), bonds and securitisations (standard), against net assets."""
    rule = law.rule("leverage")
    if rule is None:
        return []
    shares = [("non_standard", non_standard_fen, "非标准化融资"), ("standard", standard_fen, "标准化融资")]
    return _above_shares(shares, net_assets_fen, rule, where)


def check_partner_share(share_ppm: int | None, law: Law, where: str = "draw") -> list[Breach]:
    """The partner's share of a jointly funded loan against the least one. None: the loan is not jointly funded."""
    rule = law.rule("joint_partner_min_share")
    if rule is None or share_ppm is None or share_ppm >= rule.value:
        return []
    found, allowed = format_rate(share_ppm), format_rate(rule.value)
    share, least = percent(share_ppm), percent(rule.value)
    zh, en = f"合作方出资比例{share}低于{least}", f"the partner funds {share} of the loan, less than {least}"
    return [breach(rule, f"{where}, partner_share", found, allowed, zh, en)]


def check_student(student: bool | None, second_source: bool | None, law: Law, where: str = "draw") -> list[Breach]:
    """A loan to a student: not allowed, or only with a second source of repayment. None: not known, not checked."""
    rule = law.rule("student_loans")
    if rule is None or not student:
        return []
    if not rule.value["allowed"]:
        zh, en = "借款人为在校大学生", "the borrower is a student"
        return [breach(rule, f"{where}, student", "true", "false", zh, en)]
    if rule.value["second_source"] and second_source is False:
        zh, en = "未落实学生借款人的第二还款来源", "the student has no second source of repayment"
        return [breach(rule, f"{where}, second_source", "false", "true", zh, en)]
    return []


def _above_shares(shares: list[tuple[str, int, str]], net_assets_fen: int, rule: Rule, where: str) -> list[Breach]:
    """Compared without division, so that a lender without net assets breaks the rule with its first fen."""
    breaches = []
    for key, fen, zh_what in shares:
        most = int(rule.value[key])
        if fen * PPM <= most * max(net_assets_fen, 0):
            continue
        share = -(-fen * PPM // net_assets_fen) if net_assets_fen > 0 else None  # rounded up: never reads as the limit
        found = format_rate(share) if share is not None else f"{format_yuan(fen)} of none"
        shown = percent(share) if share is not None else "100%+"
        zh, en = f"{zh_what}占净资产{shown}，超过{percent(most)}", f"{shown} of net assets is above {percent(most)}"
        breaches.append(breach(rule, f"{where}, {key}", found, format_rate(most), zh, en))
    return breaches
