"""The page at /docs: the interface as plain HTML from the OpenAPI document, without scripts and without the network."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from jiehuan.api.rules import PUBLIC, rules

_STYLE = """body { font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
code { background: #f4f4f4; padding: 0 .25em }
details { border: 1px solid #ddd; margin: .3em 0; padding: .3em .6em }
summary { cursor: pointer }
td { padding: .15em .8em .15em 0; vertical-align: top }"""


def install(app: FastAPI) -> None:
    """Serve the page at /docs."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        """The interface, for people."""
        return HTMLResponse(page(app.openapi()))


def page(document: dict[str, Any]) -> str:
    """The whole document as one page: routes by room, with roles, parameters and the names of the shapes."""
    rooms: dict[str, list[str]] = defaultdict(list)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            rooms[operation["tags"][0]].append(_operation(f"{method.upper()} {path}", operation))
    shapes = "".join(_shape(name, shape) for name, shape in sorted(document["components"]["schemas"].items()))
    body = "".join(f"<h2>{escape(room)}</h2>{''.join(operations)}" for room, operations in rooms.items())
    told = "".join(f"<p>{escape(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    title = escape(f"{document['info']['title']} API {document['info']['version']}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{told}"
        f'<p>Machines read <a href="/openapi.json">/openapi.json</a>.</p>{body}<h2>Shapes</h2>{shapes}</body></html>'
    )


def _operation(door: str, operation: dict[str, Any]) -> str:
    allowed = rules().routes.get(door, frozenset())
    roles = "no login" if allowed == PUBLIC else ", ".join(role for role in rules().roles if role in allowed)
    parameters = "".join(
        f"<tr><td><code>{escape(each['name'])}</code></td><td>{each['in']}</td><td>{_kind(each['schema'])}</td>"
        f"<td>{escape(each.get('description', ''))}</td></tr>"
        for each in operation.get("parameters", ())
    )
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    takes = f"<p>Takes {_kind(content['schema'])}</p>" if content else ""
    gives = "".join(
        f"<p>{status}: {_kind(answer['content']['application/json']['schema'])}</p>"
        for status, answer in operation["responses"].items()
        if status.startswith("2") and "application/json" in answer.get("content", {})
    )
    told = escape(operation.get("description", ""))
    return (
        f"<details><summary><code>{escape(door)}</code> {escape(told.split('.')[0])}</summary><p>{told}</p>"
        f"<p>For: {escape(roles)}</p><table>{parameters}</table>{takes}{gives}</details>"
    )


def _shape(name: str, shape: dict[str, Any]) -> str:
    fields = "".join(
        f"<tr><td><code>{escape(field)}</code></td><td>{_kind(kind)}</td></tr>"
        for field, kind in shape.get("properties", {}).items()
    )
    told, title = escape(shape.get("description", "")), escape(name)
    summary = f"<summary><code>{title}</code></summary>"
    return f'<details id="{title}">{summary}<p>{told}</p><table>{fields}</table></details>'


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[-1])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(escape(str(each)) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(schema.get("format") or schema.get("type") or "any")
