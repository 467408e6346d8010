"""What every command says and how: results, tables, errors, progress. Machines get JSON on stdout and nothing else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from jiehuan.units.errors import InputError, JiehuanError, Problem

if TYPE_CHECKING:
    from rich.progress import Progress

JSON_FLAG = typer.Option(False, "--json", help="Print JSON for machines.")


def show_json(value: Any) -> None:
    """Print a value as JSON: dates and other values by their text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def show_error(error: JiehuanError, *, as_json: bool) -> None:
    """Say an error: sentences on stderr, or one JSON object on stdout."""
    if as_json:
        show_json({"error": type(error).__name__, "problems": [problem.as_dict() for problem in error.problems]})
    typer.echo(str(error), err=True)


_SHOWN = 20


def end_with(refused: Sequence[Problem], *, as_json: bool, said: str = "rows left out") -> None:
    """End a command that took rows: exit 1 when some were refused, however many others were done (docs/decisions/exit-codes.md).

    Without JSON, in which the command has them, they are said on stderr: how many, and the first of them.
    """
    if not refused:
        return
    if not as_json:
        typer.echo(f"{len(refused)} {said}:", err=True)
        for problem in refused[:_SHOWN]:
            typer.echo(f"  {problem}", err=True)
        if len(refused) > _SHOWN:
            typer.echo(f"  and {len(refused) - _SHOWN} more; --json prints all", err=True)
    raise typer.Exit(1)


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table that fits the terminal, or whole where there is none; numbers to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    shown = [[str(cell) for cell in row] for row in rows]
    for place, column in enumerate(columns):
        numeric = bool(shown) and all(_is_number(row[place]) for row in shown)
        table.add_column(column, justify="right" if numeric else "left")
    for row in shown:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 1_000).print(table)


def show_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one a line, aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {value}")


@contextmanager
def progress(description: str, total: float | None = None) -> Iterator[Any]:
    """A progress bar on stderr, none when stderr is not a terminal; yields ``advance(steps=1)``.

    ``advance(3, description="...")`` also changes what it says.
    """
    if not sys.stderr.isatty():
        yield lambda steps=1, description=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar: Progress
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(description, total=total)

        def advance(steps: float = 1, description: str | None = None) -> None:
            bar.update(task, advance=steps, description=description)

        yield advance


def read_json(path: Path) -> Any:
    """Read a JSON file (``-``: standard input). Raises InputError with line and column when it is malformed."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "no such file", "check the path")) from None
    except IsADirectoryError:
        raise InputError(Problem(str(path), "", "is a folder, not a file", "name a JSON file")) from None
    except PermissionError:
        raise InputError(Problem(str(path), "", "may not be read", "check its permissions")) from None
    except UnicodeDecodeError as error:
        raise InputError(
            Problem(f"{path} byte {error.start}", "", "not UTF-8 text", "save the file as UTF-8")
        ) from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{path} line {error.lineno} column {error.colno}"
        raise InputError(Problem(place, "", f"malformed JSON: {error.msg}", "mend the file there")) from None
    except RecursionError:
        raise InputError(Problem(str(path), "", "JSON nested too deeply", "flatten it")) from None


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").replace("-", "").replace("%", "").replace("¥", "").strip().isdigit()
