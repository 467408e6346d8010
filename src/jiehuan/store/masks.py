"""How personal data are shown to those who need to recognise a person, not to know them."""

from __future__ import annotations


def mask_name(name: str) -> str:
    """The family name, the rest starred.

    >>> mask_name("张三丰"), mask_name("欧阳修"), mask_name("Ann Lee")
    ('张**', '欧**', 'A** L**')
    """
    if name.isascii():
        return " ".join(f"{word[:1]}**" for word in name.split())
    return name[:1] + "*" * max(1, len(name) - 1)


def mask_id_number(number: str) -> str:
    """The first three and the last two characters.

    >>> mask_id_number("11010519491231002X")
    '110*************2X'
    """
    return number[:3] + "*" * max(1, len(number) - 5) + number[-2:] if len(number) > 7 else "*" * len(number)


def mask_phone(phone: str) -> str:
    """The first three and the last four digits.

    >>> mask_phone("13812345678"), mask_phone("95588")
    ('138****5678', '*****')
    """
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:] if len(phone) > 8 else "*" * len(phone)


def mask_email(address: str) -> str:
    """The first letter and the host.

    >>> mask_email("li.lei@example.com")
    'l***@example.com'
    """
    name, _, host = address.partition("@")
    return f"{name[:1]}***@{host}" if host else "***"
