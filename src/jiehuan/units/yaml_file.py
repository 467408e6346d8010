"""A YAML file that a person wrote, read with an error that says where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jiehuan.units.errors import InputError, Problem


def read_yaml(path: Path | str, *, what: str = "a YAML file", example: str = "") -> Any:
    """What is in the file. Raises InputError when it is not there, cannot be read, or is not YAML (with line and column).

    ``what``: what was looked for; ``example``: where one like it stands, for the mend.
    """
    import yaml

    where = Path(path)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast
    see = f"; see {example}" if example else ""
    try:
        return yaml.load(where.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe loaders
    except FileNotFoundError:
        raise InputError(Problem(str(where), "", "no such file", f"check the path{see}")) from None
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"{where} byte {error.start}", "", "not UTF-8 text", "save it as UTF-8")) from None
    except OSError as error:
        reason = f"cannot be read: {(error.strerror or 'unknown').lower()}"
        raise InputError(Problem(str(where), "", reason, f"name {what}{see}")) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{where} line {mark.line + 1} column {mark.column + 1}" if mark else str(where)
        reason = f"malformed YAML: {error.problem or error.context or 'cannot be parsed'}"
        raise InputError(Problem(place, "", reason, f"mend the file there{see}")) from None
    except (yaml.YAMLError, RecursionError) as error:
        reason = f"malformed YAML: {str(error).splitlines()[0] if str(error) else 'nested too deeply'}"
        raise InputError(Problem(str(where), "", reason, f"mend the file{see}")) from None
