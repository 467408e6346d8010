"""Passwords: which are good enough, and how they are kept (Argon2id, RFC 9106, the library's present defaults)."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from jiehuan.api.rules import rules
from jiehuan.units.errors import InputError, Problem

_ONE_AT_A_TIME = threading.BoundedSemaphore(2)
"""A hash takes 64 MiB; a crowd at the login must wait, not fill the memory."""


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


def hash_password(password: str) -> str:
    """The text that the database keeps."""
    with _ONE_AT_A_TIME:
        return _hasher().hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether this is the password; takes as long when there is no such account (``kept`` is none)."""
    with _ONE_AT_A_TIME:
        try:
            return _hasher().verify(kept or _nobody(), password) and kept is not None
        except (Argon2Error, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether the hash was made with weaker settings than today's, and should be made anew at the next login."""
    return _hasher().check_needs_rehash(kept)


def must_be_good(password: str, login: str) -> None:
    """Raise InputError for a password that is too short, too simple, or made from the login."""
    wanted = rules()
    reasons = []
    if len(password) < wanted.fewest_characters:
        reasons.append(f"shorter than {wanted.fewest_characters} characters")
    if len(set(password)) < wanted.fewest_distinct:
        reasons.append(f"fewer than {wanted.fewest_distinct} different characters")
    if login.lower() in password.lower():
        reasons.append("contains the login")
    if reasons:
        raise InputError([Problem("password", "", reason, "take a longer sentence of your own") for reason in reasons])


@cache
def _nobody() -> str:
    return _hasher().hash("nobody has this password")
