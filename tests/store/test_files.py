"""Documents are kept once and their bytes are checked when read."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from jiehuan.store.database import Database
from jiehuan.store.files import files_of, get_file, put_file
from jiehuan.units.errors import Refused


def test_kept_once_and_read_back(database: Database) -> None:
    facts = {"kind": "contract", "name": "合同.pdf", "media_type": "application/pdf", "subject": "ap_1"}
    with database.begin() as connection:
        first = put_file(connection, b"%PDF-1", **facts)
        assert put_file(connection, b"%PDF-1", **facts) == first
        other = put_file(connection, b"%PDF-2", **facts)
        assert get_file(connection, first).content == b"%PDF-1"
        assert files_of(connection, "ap_1") == sorted(
            [(first, "contract", "合同.pdf"), (other, "contract", "合同.pdf")]
        )


def test_altered_bytes_are_refused(database: Database) -> None:
    with database.begin() as connection:
        file_id = put_file(connection, b"a", kind="report", name="r", media_type="text/plain", subject="s")
        connection.execute(text("UPDATE file SET content = 'b'"))
        with pytest.raises(Refused, match="altered"):
            get_file(connection, file_id)


def test_an_absent_file_is_refused(database: Database) -> None:
    with database.connect() as connection, pytest.raises(Refused, match="no such file"):
        get_file(connection, "fi_0")
