"""The committed OpenAPI document is that of the code, and says enough to make types from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

COMMITTED = Path(__file__).resolve().parents[2] / "web" / "openapi.json"


def test_the_committed_document_is_what_the_module_writes_without_a_database(tmp_path):
    command = [sys.executable, "-m", "jiehuan.api.openapi"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, check=True, timeout=60)
    mend = "run: python -m jiehuan.api.openapi > web/openapi.json"
    assert COMMITTED.read_text(encoding="utf-8") == done.stdout.decode(), mend
    assert not list(tmp_path.iterdir())


def test_every_operation_has_a_name_of_its_own_a_sentence_and_a_shape():
    names = []
    for path, methods in json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"].items():
        for method, operation in methods.items():
            names.append(operation["operationId"])
            assert operation["description"], path
            told = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
            assert len(told) == 1, (method, path)
            for status, answer in told.items():
                assert status == "204" or answer["content"], (method, path)
    assert len(names) == len(set(names))


def test_no_shape_holds_money_as_a_number():
    for name, shape in json.loads(COMMITTED.read_text(encoding="utf-8"))["components"]["schemas"].items():
        for field, kind in shape.get("properties", {}).items():
            assert kind.get("type") != "number", f"{name}.{field} is a binary number"
