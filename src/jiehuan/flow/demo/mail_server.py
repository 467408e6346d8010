"""A real SMTP server on this machine that takes the demo's reminders and keeps them as files instead of delivering them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Inbox:
    """What the server took: where it listens, and the files of the messages."""

    host: str
    port: int
    folder: Path
    files: list[Path] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        """Keep one message."""
        path = self.folder / f"{len(self.files) + 1:05d}.eml"
        path.write_bytes(envelope.content)
        self.files.append(path)
        return "250 kept"


@contextmanager
def mail_server(folder: Path) -> Iterator[Inbox]:
    """Run the server on a free loopback port for the length of the block."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.eml"):
        old.unlink()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    inbox = Inbox("127.0.0.1", port, folder)
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox
    finally:
        controller.stop()
