"""The vault: personal data sealed at rest, found by blind index, shown masked.

Each value is sealed with AES-256-GCM under a data key, bound to its context (the borrower's id), so that a sealed value
moved to another row does not open. Data keys lie in table ``vault_key``, wrapped by a master key that is never in the
database: the file ``HOME/vault.key`` (mode 600), or the file that JIEHUAN_VAULT_KEY names (a mounted secret). A blind
index is an HMAC of the normalised value under a key of its own: equal values can be found, none can be read.

A sealed value is ``1 | key id (8 bytes) | nonce (12) | ciphertext and tag``. Sources: NIST SP 800-38D (GCM), RFC 5869
(HKDF).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import Connection, insert, select, text

from jiehuan.store.database import Database
from jiehuan.store.tables import vault_key
from jiehuan.units.errors import InputError, Problem, Refused

KEY_FILE = "vault.key"
_VERSION = b"\x01"
_KEY_ID_BYTES, _NONCE_BYTES = 8, 12
_FIRST_KEY_LOCK = 0x7661756C


class Vault:
    """Seals and opens personal data. Holds the data keys in memory; make one with ``open_vault``."""

    def __init__(self, master: bytes, wrapped: dict[str, bytes], current: str) -> None:
        self._wrapping = AESGCM(_derived(master, b"jiehuan wrapping key"))
        self._index_key = _derived(master, b"jiehuan blind index")
        self._keys = {bytes.fromhex(key_id): AESGCM(self._unwrapped(key_id, key)) for key_id, key in wrapped.items()}
        self._current = bytes.fromhex(current)

    def seal(self, value: str, context: str) -> bytes:
        """Seal a value for its context (the id of the row it belongs to)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        head = _VERSION + self._current
        return head + nonce + self._keys[self._current].encrypt(nonce, value.encode(), head + context.encode())

    def open(self, sealed: bytes, context: str) -> str:
        """The value again. Raises Refused when it was altered, moved from another row, or its key is gone."""
        head, rest = sealed[: 1 + _KEY_ID_BYTES], sealed[1 + _KEY_ID_BYTES :]
        key = self._keys.get(head[1:])
        if head[:1] != _VERSION or key is None:
            raise Refused(
                Problem("vault", head[1:].hex(), "sealed under a key that is not here", "restore table vault_key")
            )
        try:
            return key.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], head + context.encode()).decode()
        except InvalidTag:
            mend = "restore the row from a backup"
            raise Refused(Problem("vault", context, "a sealed value was altered or moved", mend)) from None

    def blind_index(self, value: str) -> bytes:
        """32 bytes by which an equal value is found: case, spaces and hyphens do not count."""
        plain = "".join(value.split()).replace("-", "").upper()
        return hmac.digest(self._index_key, plain.encode(), "sha256")

    def _unwrapped(self, key_id: str, wrapped: bytes) -> bytes:
        try:
            return self._wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], key_id.encode())
        except InvalidTag:
            mend = f"restore the {KEY_FILE} that this database was used with"
            raise InputError(Problem("vault", key_id, "the master key does not fit this database", mend)) from None


def open_vault(database: Database) -> Vault:
    """The vault of a database; makes the master key and the first data key when the database has none.

    Raises InputError when the master key's file is missing, damaged, readable by others, or another database's.
    """
    with database.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _FIRST_KEY_LOCK})
        wrapped = _wrapped_keys(connection)
        master = _master_key(database.home, may_make=not wrapped)
        if not wrapped:
            _add_data_key(connection, master)
            wrapped = _wrapped_keys(connection)
    return Vault(master, wrapped, current=next(reversed(wrapped)))


def rotate_data_key(database: Database) -> Vault:
    """Seal new values under a new data key from now on; old values stay readable under theirs."""
    with database.begin() as connection:
        _add_data_key(connection, _master_key(database.home, may_make=False))
    return open_vault(database)


def master_key_file(home: Path) -> Path:
    """Where the master key lies: JIEHUAN_VAULT_KEY, else ``HOME/vault.key``."""
    return Path(os.environ.get("JIEHUAN_VAULT_KEY") or home / KEY_FILE)


def _master_key(home: Path, *, may_make: bool) -> bytes:
    path = master_key_file(home)
    where = str(path)
    if not path.exists():
        if not may_make:
            mend = "restore it from your backup of keys: without it personal data cannot be read"
            raise InputError(Problem(where, "", "the vault's master key is missing", mend))
        _write_new_key(path)
    try:
        if path.stat().st_mode & 0o077:
            raise InputError(Problem(where, "", "others may read the vault's master key", f"chmod 600 {path}"))
        key = base64.b64decode(path.read_text(encoding="ascii").strip(), validate=True)
    except (OSError, UnicodeDecodeError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise InputError(Problem(where, "", "not a master key", "restore the file: 32 bytes in base64"))
    return key


def _write_new_key(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
    except OSError as error:
        raise InputError(Problem(str(path), "", f"cannot be written: {error.strerror}", "check the folder")) from None


def _wrapped_keys(connection: Connection) -> dict[str, bytes]:
    """Key id to wrapped key, oldest first."""
    rows = connection.execute(select(vault_key).order_by(vault_key.c.created_at, vault_key.c.key_id))
    return {row.key_id: bytes(row.wrapped) for row in rows}


def _add_data_key(connection: Connection, master: bytes) -> None:
    key_id = secrets.token_hex(_KEY_ID_BYTES)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    wrapping = AESGCM(_derived(master, b"jiehuan wrapping key"))
    wrapped = nonce + wrapping.encrypt(nonce, secrets.token_bytes(32), key_id.encode())
    connection.execute(insert(vault_key).values(key_id=key_id, wrapped=wrapped, created_at=text("clock_timestamp()")))


def _derived(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=sha256(b"jiehuan vault 1").digest(), info=purpose).derive(master)
