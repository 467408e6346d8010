"""The doors through which messages leave: SMTP for mail. A message that could not be handed over is said so, never lost."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any


class Unsent(Exception):  # noqa: N818 - an outcome that callers record
    """The gateway did not take the message; the text says why."""


class Mailer:
    """Sends mail over one SMTP connection, opened at the first message and again when the server dropped it."""

    def __init__(self, host: str, port: int, sender: str, timeout: float = 10.0) -> None:
        self._address, self._sender, self._timeout = (host, port), sender, timeout
        self._server: smtplib.SMTP | None = None

    def send(self, recipient: str, subject: str, text: str, reference: str) -> str:
        """Hand one message over; its Message-ID. ``reference`` marks it, so that a bounce can be told apart. Raises Unsent."""
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, recipient, subject
        message["Message-ID"] = make_msgid(idstring=reference, domain=self._sender.partition("@")[2] or "localhost")
        message["X-Jiehuan-Reference"] = reference
        message.set_content(text)
        for attempt in (1, 2):
            try:
                self._connected().send_message(message)
                return str(message["Message-ID"])
            except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
                self.close()
                if attempt == 2:
                    raise Unsent(f"{self._address[0]}:{self._address[1]}: {error}") from error
            except (smtplib.SMTPException, OSError) as error:
                self.close()
                raise Unsent(f"{self._address[0]}:{self._address[1]}: {error}") from error
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._server is not None:
            try:
                self._server.quit()
            except (smtplib.SMTPException, OSError):
                self._server.close()
            self._server = None

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = smtplib.SMTP(*self._address, timeout=self._timeout)
        return self._server


@contextmanager
def mailer_of(lender: Mapping[str, Any]) -> Iterator[Mailer]:
    """The lender's mailer, closed at the end."""
    smtp = lender["smtp"]
    mailer = Mailer(smtp["host"], smtp["port"], smtp["sender"])
    try:
        yield mailer
    finally:
        mailer.close()
