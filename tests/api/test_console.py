"""The console's files at the root: real files, the single page for its own addresses, never for the API's or for missing assets."""

from __future__ import annotations

import httpx
import pytest

from jiehuan.api import console


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A built console in a folder, with a secret beside it."""
    root = tmp_path_factory.mktemp("web")
    folder = root / "console"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><div id=root></div>")
    (folder / "assets" / "app-1a2b.js").write_text("export default 1")
    (root / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def site(built, make_database, serve):
    """A server whose console is the built one."""
    patch = pytest.MonkeyPatch()
    patch.setattr(console, "FOLDER", built)
    with make_database() as database, serve(database) as url:
        yield url
    patch.undo()


@pytest.mark.parametrize("path", ["/", "/loans", "/loans/ln-1", "/login", "/index.html"])
def test_the_page_answers_for_its_own_addresses(site, path):
    answer = httpx.get(site + path)
    assert answer.status_code == 200 and "id=root" in answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["cache-control"] == "no-cache"


def test_assets_are_kept_for_ever_and_typed(site):
    answer = httpx.get(f"{site}/assets/app-1a2b.js")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert "immutable" in answer.headers["cache-control"]
    assert httpx.head(f"{site}/assets/app-1a2b.js").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/missing.js",
        "/favicon.ico",
        "/api/nothing",
        "/api",
        "/docs/x",
        "/redoc",
        "/openapi.json/x",
        "/loans/x.map",
    ],
)
def test_what_is_missing_is_404_in_the_common_shape(site, path):
    answer = httpx.get(site + path)
    assert answer.status_code == 404 and answer.json()["error"] == "not_found"


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd", "/%00"]
)
def test_nothing_outside_the_folder_is_served(site, path):
    answer = httpx.get(site + path)
    assert "secret" not in answer.text.replace("secret.txt", "") and "root:" not in answer.text
    assert answer.status_code in {200, 404}


def test_writes_to_the_page_are_refused_in_the_common_shape(site):
    answer = httpx.post(site + "/loans")
    assert answer.status_code == 405 and answer.json()["error"] == "method_not_allowed"


def test_without_a_built_console_a_page_says_how_to_build(make_database, serve, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "FOLDER", tmp_path / "absent")
    with make_database() as database, serve(database) as url:
        answer = httpx.get(url)
        assert answer.status_code == 200 and "not built" in answer.text and "尚未构建" in answer.text
        assert httpx.get(f"{url}/api/health").status_code == 200


def test_the_documentation_page_names_every_door_and_loads_nothing(site):
    from jiehuan.api.rules import rules

    page = httpx.get(f"{site}/docs").text
    for door in rules().routes:
        assert f"<code>{door}</code>" in page
    assert "<script" not in page and "http" not in page.replace("OpenAPI", "")
