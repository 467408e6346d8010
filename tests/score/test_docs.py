"""The how-to's commands and program run as written."""

import json
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from jiehuan.cli.main import main

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "fit-a-score.md"


def test_every_command_of_the_how_to_runs(
    applications: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    commands = re.findall(r"^    jiehuan (.+)$", text, re.MULTILINE)
    assert len(commands) >= 9
    monkeypatch.chdir(tmp_path)
    settings = re.search(r"^    evaluation: .*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert settings
    (tmp_path / "settings.yaml").write_text(
        re.sub(r"^    ", "", settings.group(0), flags=re.MULTILINE), encoding="utf-8"
    )
    applications.head(3500).write_csv("loans.csv")
    applications.tail(1000).write_parquet("later.parquet")
    applications.tail(500).drop("bad").write_csv("applications.csv")
    applications.filter(pl.col("income") < 2500).drop("bad").write_csv("rejected.csv")
    for command in commands:
        code = 0
        try:
            main(command.split())
        except SystemExit as left:
            code = int(left.code or 0)
        assert code == 0, command
    program = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert program
    done = subprocess.run([sys.executable, "-c", program.group(1)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert 0 < float(done.stdout.split()[0]) < 1


def test_the_reference_names_every_command_setting_and_address() -> None:
    import yaml

    from jiehuan.score import settings

    text = (HOW_TO.parents[1] / "reference" / "score.md").read_text(encoding="utf-8")
    defaults = yaml.safe_load(Path(settings.__file__).with_name("defaults.yaml").read_text(encoding="utf-8"))
    for section, values in defaults.items():
        row = next(
            line for line in text.partition("## Settings")[2].splitlines() if line.startswith(f"| `{section}` |")
        )
        assert re.findall(r"`(\w+)`", row)[1:] == list(values), section
    commands = set(re.findall(r"`score (\w+)", text))
    assert commands == {"fit", "apply", "report", "check", "compare", "drift", "pair"}
    interface = json.loads((HOW_TO.parents[2] / "web" / "openapi.json").read_text(encoding="utf-8"))
    for path in interface["paths"]:
        if path.startswith("/api/models/{model_id}/"):
            assert path.replace("{model_id}", "{id}").replace("{other_id}", "{other}") in text, path
