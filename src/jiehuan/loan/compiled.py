"""The kernel's own functions, compiled: the same code objects that run interpreted for one loan.

``compiled(name)`` gives one function of the kernel as numba builds it from the unchanged code object, with the
functions that it calls replaced by their compiled selves. The argument types come from the annotations, so that each
function is built once, whatever constants it is called with. Nothing is compiled before it is asked for, and the
compiler is not loaded before. Machine code is kept on disk under a name made of all sources, so that no stale code is
ever run.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from inspect import getsource, signature
from types import FunctionType, ModuleType
from typing import Any

from jiehuan.loan import (
    amortise,
    book_fold,
    book_moves,
    civil,
    fold,
    happening,
    layout,
    passing,
    paying,
    position,
    position_taking,
    replanning,
    sweep,
)

MODULES: tuple[ModuleType, ...] = (
    layout,
    civil,
    amortise,
    paying,
    passing,
    replanning,
    happening,
    fold,
    position,
    position_taking,
    book_fold,
    book_moves,
    sweep,
)


@cache
def compiled(name: str) -> Callable[..., Any]:
    """A function of the kernel by name, compiled for int64 arrays in place of lists. Raises KeyError for another name."""
    from numba.core.errors import TypingError

    try:
        return _built(name, {"cache": True})  # found on disk, whole with all that it calls
    except TypingError:
        _build_callees(name)
        return _built(name, {"cache": True})


def _build_callees(name: str) -> None:
    """Build what a function calls, deepest first, each once and without an entrance from Python."""
    functions, names = _kernel()
    for called in functions[name].__code__.co_names:
        if called in functions and called not in names:
            _build_callees(called)
            names[called] = _built(called, {"no_cpython_wrapper": True, "no_cfunc_wrapper": True})


def _built(name: str, options: dict[str, Any]) -> Callable[..., Any]:
    """Load a function's machine code, or build it; TypingError when neither it nor what it calls is built."""
    import numba

    functions, names = _kernel()
    clone = FunctionType(functions[name].__code__, names, name)
    clone.__qualname__ = f"{name}_{_digest()}"
    clone.__module__ = functions[name].__module__
    return numba.njit([_types(functions[name])], nogil=True, error_model="numpy", **options)(clone)


@cache
def _kernel() -> tuple[dict[str, FunctionType], dict[str, Any]]:
    """The kernel's functions by name, and the names that their compiled selves see: numbers, builtins, each other."""
    functions: dict[str, FunctionType] = {}
    names: dict[str, Any] = {"range": range, "min": min, "max": max, "len": len, "int": int}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, FunctionType) and value.__module__ == module.__name__:
                functions[name] = value
            elif type(value) is int:
                names[name] = value
    return functions, names


def _types(function: FunctionType) -> tuple[Any, ...]:
    """The compiler's types of a function's arguments, from its annotations."""
    import numba

    hot = [numba.int32[::1]] * 3 + [numba.int8[::1]] + [numba.int64[::1]] * 4
    known = {
        "int": numba.int64,
        "float": numba.float64,
        "bool": numba.boolean,
        "Ints": numba.int64[::1],
        "Shift": numba.int8[::1],
        "Flags": numba.int8[::1],
        "Hot": numba.types.NamedTuple(hot, sweep.Hot),  # type: ignore[no-untyped-call]
        "list[int]": numba.types.List(numba.int64),  # type: ignore[no-untyped-call]
    }
    return tuple(known[str(parameter.annotation)] for parameter in signature(function).parameters.values())


@cache
def _digest() -> str:
    return sha256("".join(getsource(module) for module in MODULES).encode()).hexdigest()[:12]
