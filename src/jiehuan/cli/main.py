"""The ``jiehuan`` command: finds the command groups beside this file and runs one.

Each module in this folder that defines ``register(app)`` adds its commands. Command modules import only the light things
at the top and the heavy ones inside the command, so that ``--help`` and errors stay fast.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from inspect import getdoc
from itertools import takewhile
from pathlib import Path
from pkgutil import iter_modules

import typer
from typer.exceptions import TyperException

import jiehuan.cli
from jiehuan.units.errors import InputError, JiehuanError, Problem


def build(first: str = "") -> typer.Typer:
    """The command tree; with ``first``, the first word of a command line, only the module that has it (all when none does)."""
    app = typer.Typer(
        name="jiehuan",
        help="借还: closed-loop credit risk for unsecured online consumer micro-loans.",
        epilog="Example: jiehuan schedule --principal 10000 --rate 0.18 --months 12 --drawn 2026-01-31",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    modules = sorted(
        found.name for found in iter_modules(jiehuan.cli.__path__) if found.name not in {"main", "terminal"}
    )
    named = [module for module in modules if module.strip("_").replace("_", "-") == first]
    for module in named or modules:
        import_module(f"jiehuan.cli.{module}").register(app)
    for group in app.registered_groups:
        _show_an_example(group.typer_instance)
    if named and len(app.registered_commands) == 1 and not app.registered_groups:
        app.callback()(_keep_the_name)
    return app


def _show_an_example(group: typer.Typer | None) -> None:
    """End a group's help with the example of its first command."""
    first = group.registered_commands[0] if group and group.registered_commands else None
    told = str(first.help or getdoc(first.callback) or "") if first else ""
    _, found, example = told.partition("Example: ")
    if group and found:
        group.info.epilog = f"Example: {example.strip().partition(chr(10) * 2)[0]}"


def _keep_the_name() -> None:
    """Makes typer read a lone command's name from the command line too."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command; exit 0 done, 1 refused or failed check, 2 wrong usage or unreadable input."""
    words = sys.argv[1:] if arguments is None else arguments
    gc.set_threshold(100_000, 50, 50)  # what is loaded at the start stays: looking through it for garbage is lost time
    try:
        _spare_inputs(words)
        command = build(words[0] if words else "")
        if "--json" in words:
            _run_for_machines(command, words)
        else:
            command(args=words, prog_name="jiehuan")
    except JiehuanError as error:
        _fail(error, words)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            raise
        said = (error.strerror or "cannot be used").lower()
        _fail(
            InputError(
                Problem(str(error.filename), "", said, "check the path, its permissions and the room on the disk")
            ),
            words,
        )


def _run_for_machines(command: typer.Typer, words: list[str]) -> None:
    """Run a command whose answer is JSON in every case: wrong usage is told as any other error is."""
    try:
        code = command(args=words, prog_name="jiehuan", standalone_mode=False)
    except TyperException as error:
        message = error.format_message().rstrip(".")
        known = (word for word in words[:2] if f"'{word}'" not in message)
        named = " ".join(takewhile(lambda word: not word.startswith("-"), known))
        mend = f"see jiehuan {named} --help" if named else "see jiehuan --help"
        raise InputError(Problem("command line", "", message, mend)) from None
    except typer.Abort:
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _spare_inputs(words: list[str]) -> None:
    """Refuse an --out that is one of the command's own inputs: it would be gone before anybody could look again."""
    parts = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    for place, part in enumerate(parts[:-1]):
        out, others = Path(parts[place + 1]), [*parts[:place], *parts[place + 2 :]]
        if part == "--out" and out.is_file() and any(Path(one).is_file() and out.samefile(one) for one in others):
            raise InputError(Problem("--out", str(out), "is an input of this command", "name another file"))


def _fail(error: JiehuanError, words: list[str]) -> None:
    from jiehuan.cli.terminal import show_error

    show_error(error, as_json="--json" in words)
    sys.exit(error.exit_code)
