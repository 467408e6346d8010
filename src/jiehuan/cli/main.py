"""The ``jiehuan`` command: finds the command groups beside this file and runs one.

Each module in this folder that defines ``register(app)`` adds its commands. Command modules import only the light things
at the top and the heavy ones inside the command, so that ``--help`` and errors stay fast.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from pkgutil import iter_modules

import typer

import jiehuan.cli
from jiehuan.units.errors import InputError, JiehuanError, Problem


def build(first: str = "") -> typer.Typer:
    """The command tree; with ``first``, the first word of a command line, only the module that has it (all when none does)."""
    app = typer.Typer(
        name="jiehuan",
        help="借还: closed-loop credit risk for unsecured online consumer micro-loans.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    modules = sorted(found.name for found in iter_modules(jiehuan.cli.__path__) if found.name not in {"main", "terminal"})
    named = [module for module in modules if module.strip("_").replace("_", "-") == first]
    for module in named or modules:
        import_module(f"jiehuan.cli.{module}").register(app)
    if named and len(app.registered_commands) == 1 and not app.registered_groups:
        app.callback()(_keep_the_name)
    return app


def _keep_the_name() -> None:
    """Makes typer read a lone command's name from the command line too."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command; exit 0 done, 1 refused or failed check, 2 wrong usage or unreadable input."""
    words = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(100_000, 50, 50)  # what is loaded at the start stays: looking through it for garbage is lost time
    try:
        build(words[0] if words else "")(args=words, prog_name="jiehuan")
    except JiehuanError as error:
        _fail(error, words)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            raise
        said = (error.strerror or "cannot be used").lower()
        _fail(InputError(Problem(str(error.filename), "", said, "check the path, its permissions and the room on the disk")), words)


def _fail(error: JiehuanError, words: list[str]) -> None:
    from jiehuan.cli.terminal import show_error

    show_error(error, as_json="--json" in words)
    sys.exit(error.exit_code)
