"""A file that appears whole or not at all, and lasts: written beside its name, forced to the disk, then moved there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """The file to write to, while the block runs. Where the block fails, ``path`` stays as it was, or absent.

    A killed writer leaves ``.<name>.<process>.part`` behind, which may be deleted. Raises OSError as the disk does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the move lasts too
    finally:
        os.close(folder)
