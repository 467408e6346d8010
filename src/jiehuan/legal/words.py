"""Amounts in capital Chinese numerals (大写金额), as contracts and pleadings state them beside the digits.

Rules: 支付结算办法, annex 1 (正确填写票据和结算凭证的基本规定). 整 ends whole yuan and whole jiao; 零 stands for
skipped digits.
"""

from __future__ import annotations

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def yuan_in_capitals(fen: int) -> str:
    """The amount in capital numerals.

    >>> yuan_in_capitals(1_000_000), yuan_in_capitals(10_640), yuan_in_capitals(5)
    ('壹万元整', '壹佰零陆元肆角整', '伍分')
    """
    if fen < 0:
        return "负" + yuan_in_capitals(-fen)
    yuan, rest = divmod(fen, 100)
    jiao, last = divmod(rest, 10)
    whole = _whole(yuan) + "元" if yuan else ""
    if not rest:
        return (whole or "零元") + "整"
    parts = _DIGITS[jiao] + "角" if jiao else ("零" if yuan else "")
    return whole + parts + (_DIGITS[last] + "分" if last else "整")


def _whole(number: int) -> str:
    groups: list[int] = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text, gap = "", False
    for place in reversed(range(len(groups))):
        group = groups[place]
        if not group:
            gap = True
            continue
        if text and (gap or group < 1000):
            text += "零"
        text += _group(group) + _GROUPS[place]
        gap = False
    return text


def _group(number: int) -> str:
    text, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if gap and text else "") + _DIGITS[digit] + _PLACES[place]
            gap = False
        else:
            gap = True
    return text
