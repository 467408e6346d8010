"""An object store on disk, for the broker of the tests to keep its log in: the part of S3's protocol that tansu asks for.

``python objects.py FOLDER PORT``, on the loopback only. An object is a file whose name is the key, escaped; it is written aside and
renamed, so that a store that is killed has all of an object or none. Writes may be conditional on the object's tag: tansu's log is
built upon that.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
import time
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape


class Objects:
    """The objects of a folder, held in memory too."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.lock = threading.Lock()
        files = [file for file in folder.iterdir() if not file.name.startswith(".")]
        self.found = {unquote(file.name): file.read_bytes() for file in files}
        self.written = {unquote(file.name): file.stat().st_mtime for file in files}

    def put(self, key: str, body: bytes, if_none: str | None, if_tag: str | None) -> bool:
        """Write an object; False when a condition does not hold."""
        with self.lock:
            there = self.found.get(key)
            if if_none == "*" and there is not None:
                return False
            if if_tag is not None and (there is None or tag_of(there) != if_tag):
                return False
            aside = self.folder / ".aside"
            aside.write_bytes(body)
            aside.replace(self.folder / quote(key, safe=""))
            self.found[key] = body
            self.written[key] = max(time.time(), self.written.get(key, 0))
            return True

    def drop(self, key: str) -> None:
        with self.lock:
            if self.found.pop(key, None) is not None:
                (self.folder / quote(key, safe="")).unlink()

    def listed(self, prefix: str, between: str, after: str) -> bytes:
        """The keys that begin with ``prefix``; what has ``between`` behind it is told as a folder."""
        with self.lock:
            found = {key: body for key, body in self.found.items() if key.startswith(prefix) and key > after}
        told, folders = [], set()
        for key, body in sorted(found.items()):
            rest = key[len(prefix) :]
            if between and between in rest:
                folders.add(prefix + rest.partition(between)[0] + between)
                continue
            at = datetime.fromtimestamp(self.written[key], UTC).isoformat(timespec="microseconds")
            about = f"<Size>{len(body)}</Size><ETag>{escape(tag_of(body))}</ETag><LastModified>{at}</LastModified>"
            told.append(f"<Contents><Key>{escape(key)}</Key>{about}</Contents>")
        told += [f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders)]
        return f"<ListBucketResult>{''.join(told)}</ListBucketResult>".encode()


def tag_of(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


class Handler(BaseHTTPRequestHandler):
    """One connection of the broker; ``/BUCKET/KEY``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    objects: Objects

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    def answer(self, status: int, body: bytes = b"", **about: str) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name.replace("_", "-"), value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def do_PUT(self) -> None:
        body = self.body()
        if self.objects.put(self.key, body, self.headers.get("If-None-Match"), self.headers.get("If-Match")):
            self.answer(200, ETag=tag_of(body))
        else:
            self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")

    def do_GET(self) -> None:
        if not self.key:
            asked = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            words = [asked.get(name, [""])[0] for name in ("prefix", "delimiter", "start-after")]
            self.answer(200, self.objects.listed(*words), Content_Type="application/xml")
            return
        found = self.objects.found.get(self.key)
        if found is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        about = {"ETag": tag_of(found), "Last_Modified": formatdate(usegmt=True)}
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if self.headers.get("If-None-Match") == about["ETag"]:
            self.answer(304, **about)
        elif span:
            first, last = int(span[1]), min(int(span[2] or len(found)), len(found) - 1)
            self.answer(206, found[first : last + 1], **about, Content_Range=f"bytes {first}-{last}/{len(found)}")
        else:
            self.answer(200, found, **about)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server asks for

    def do_DELETE(self) -> None:
        self.objects.drop(self.key)
        self.answer(204)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Handler.objects = Objects(Path(sys.argv[1]))
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
