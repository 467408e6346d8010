"""Stretches of a book on all cores: compiled code lets go of the interpreter, so threads are enough."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="loans")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def on_all_cores(work: Callable[[int, int], None], count: int, stretch: int = 65_536) -> None:
    """Call ``work(low, high)`` for stretches that together are ``range(count)``, on all cores at once.

    Stretches have at least ``stretch`` members, so that small books stay on one core. The first error is raised.
    """
    parts = max(1, min(8 * cores(), count // stretch))
    if parts == 1:
        work(0, count)
        return
    bounds = [count * part // parts for part in range(parts + 1)]
    for done in [_pool().submit(work, low, high) for low, high in pairwise(bounds)]:
        done.result()
