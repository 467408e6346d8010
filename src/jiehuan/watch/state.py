"""The engine's state as one file: a line of JSON that says what follows, then the arrays as they stand in memory.

It is written beside its place, flushed to the disk and renamed, so that a crash leaves the old state or the new one. A
checksum finds damage. No pickle: a state file can't run code.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jiehuan.units.errors import InputError, Problem

_FORMAT = "jiehuan watch state 2"
_MEND = "replay the events from their start with a new state file"


def write_state(
    path: Path,
    version: str,
    accounts: Sequence[str],
    counts: Mapping[str, int],
    arrays: Mapping[str, NDArray[Any]],
    note: Mapping[str, Any],
) -> None:
    """Write the state atomically. Spare room at the ends of arena and accounts is not written."""
    parts = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    parts["events"] = parts["events"][: int(parts["meta"][0])]
    parts["accounts"] = parts["accounts"][: len(accounts)]
    names = json.dumps(list(accounts), ensure_ascii=False).encode()
    digest = hashlib.blake2b(names, digest_size=16)
    for array in parts.values():
        digest.update(array.data)
    head = {
        "format": _FORMAT,
        "signals": version,
        "counts": dict(counts),
        "note": dict(note),
        "accounts_bytes": len(names),
        "arrays": [[name, str(array.dtype), list(array.shape)] for name, array in parts.items()],
        "checksum": digest.hexdigest(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(json.dumps(head, ensure_ascii=False).encode() + b"\n")
        file.write(names)
        for array in parts.values():
            file.write(array.data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_state(path: Path, version: str) -> tuple[list[str], dict[str, int], dict[str, NDArray[Any]], dict[str, Any]]:
    """Account names, counts, arrays and note. Raises InputError when it is no state, damaged, or of other signals."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20)
            body = file.read()
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "no such file", "check the path")) from None
    except OSError as error:
        raise InputError(Problem(str(path), "", f"can't be read: {error.strerror}", "check the path")) from None
    try:
        head = json.loads(line)
        if head["format"] != _FORMAT:
            raise KeyError("format")
        arrays_said = [(str(n), np.dtype(t), tuple(map(int, shape))) for n, t, shape in head["arrays"]]
        names_size = int(head["accounts_bytes"])
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise InputError(Problem(str(path), "", "not a state of the signal engine", _MEND)) from None
    if head["signals"] != version:
        reason = f"the state belongs to signals of version {head['signals']}, these are {version}"
        raise InputError(Problem(str(path), "", reason, _MEND))
    size = names_size + sum(t.itemsize * int(np.prod(shape)) for _, t, shape in arrays_said)
    if len(body) != size or hashlib.blake2b(body, digest_size=16).hexdigest() != head["checksum"]:
        raise InputError(Problem(str(path), "", "the state file is damaged", _MEND))
    accounts = json.loads(body[:names_size])
    at = names_size
    arrays: dict[str, NDArray[Any]] = {}
    for name, kind, shape in arrays_said:
        length = int(np.prod(shape))
        arrays[name] = np.frombuffer(body, kind, length, at).reshape(shape).copy()
        at += kind.itemsize * length
    # An empty arena could not double.
    events = arrays["events"]
    arrays["events"] = np.concatenate([events, np.zeros((max(0, 1024 - len(events)), events.shape[1]), events.dtype)])
    return accounts, dict(head["counts"]), arrays, dict(head["note"])
