"""Personal data in what is said about a value: a message tells where a value stands and what is wrong, never whose it is.

Masked is what has a form of its own: an e-mail address, a mainland mobile number, and longer runs of digits (identity, card
and account numbers). A name has no such form, so messages never show whole rows.
"""

from __future__ import annotations

import re

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_MOBILE = re.compile(r"(?<![0-9A-Za-z.])(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![0-9A-Za-z]|\.\d)", re.ASCII)
_NUMBER = re.compile(r"(?<![0-9A-Za-z.])\d(?:[ -]?\d){14,18}[Xx]?(?![0-9A-Za-z]|\.\d)", re.ASCII)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def check_character(body: str) -> str:
    """The last character of an identity number, from its 17 digits (GB 11643-1999, which is ISO 7064 MOD 11-2).

    >>> check_character("11010519491231002")
    'X'
    """
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def masked(text: str) -> str:
    """The text, with what may be personal starred; all else as it was.

    >>> masked("13812345678"), masked("id 11010519491231002X"), masked("li.lei@example.com"), masked("91680.00")
    ('138****5678', 'id 110*************2X', 'l***@example.com', '91680.00')
    """
    if text.isdecimal() and len(text) < 11:
        return text
    text = _EMAIL.sub(lambda found: f"{found[0][0]}***@{found[0].partition('@')[2]}", text)
    text = _NUMBER.sub(lambda found: _starred(found[0], 2), text)
    return _MOBILE.sub(lambda found: _starred(found[0], 4), text)


def _starred(number: str, end: int) -> str:
    return number[:3] + "*" * (len(number) - 3 - end) + number[-end:]
