"""The console's built files at the root, with the single-page fallback; without them a page that says how to build.

Addresses under /api, /docs and /openapi.json, and names that look like files, never fall back to the page: a missing
script must be a 404, not a page of HTML.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException

FOLDER = Path(__file__).parent / "console"

_OWN = ("api", "docs", "openapi.json", "redoc")

_ABSENT = """<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>jiehuan 借还</title></head>
<body style="font-family: sans-serif; max-width: 40em; margin: 4em auto; line-height: 1.6">
<h1>jiehuan 借还</h1>
<p>服务器已运行，但控制台尚未构建。请在项目文件夹中运行 <code>./run</code>，
或在 <code>web/</code> 中运行 <code>npm ci &amp;&amp; npm run build</code>。</p>
<p>The server runs, but the console is not built. Run <code>./run</code> in the project's folder, or
<code>npm ci &amp;&amp; npm run build</code> in <code>web/</code>.</p>
<p><a href="/docs">API</a></p></body></html>"""


def install(app: FastAPI) -> None:
    """Serve ``FOLDER`` at the root of the app; after every other route."""
    root = FOLDER.resolve()

    @app.get("/{path:path}", include_in_schema=False)
    @app.head("/{path:path}", include_in_schema=False)
    def console(path: str, request: Request) -> Response:
        """A built file, or the page."""
        first, last = path.split("/")[0], path.rsplit("/", 1)[-1]
        if first in _OWN:
            raise HTTPException(404)
        found = _inside(root, path)
        if found is not None:
            forever = path.startswith("assets/")  # their names carry a hash of their content
            return FileResponse(
                found, headers={"Cache-Control": "public, max-age=31536000, immutable" if forever else "no-cache"}
            )
        if "." in last:
            raise HTTPException(404)
        page = root / "index.html"
        if page.is_file():
            return FileResponse(page, headers={"Cache-Control": "no-cache"})
        return HTMLResponse(_ABSENT, headers={"Cache-Control": "no-store"})


def _inside(root: Path, path: str) -> Path | None:
    """The file of this name, if it is a file inside the folder."""
    if not path or "\x00" in path:
        return None
    try:
        found = (root / path).resolve()
        return found if found.is_relative_to(root) and found.is_file() else None
    except (OSError, ValueError):
        return None
