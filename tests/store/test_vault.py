"""Personal data are sealed, bound to their row, found by blind index, and never readable without the master key."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import insert, select, text

from jiehuan.store.database import Database
from jiehuan.store.tables import borrower
from jiehuan.store.vault import Vault, master_key_file, open_vault, rotate_data_key
from jiehuan.units.errors import InputError, Refused


@pytest.fixture
def vault(database: Database) -> Vault:
    return open_vault(database)


def test_a_sealed_value_opens_in_its_row_only(vault: Vault) -> None:
    sealed = vault.seal("张三丰", "bo_1")
    assert vault.open(sealed, "bo_1") == "张三丰"
    with pytest.raises(Refused, match="altered or moved"):
        vault.open(sealed, "bo_2")


def test_every_altered_byte_is_caught(vault: Vault) -> None:
    sealed = vault.seal("13812345678", "bo_1")
    for place in range(len(sealed)):
        broken = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        with pytest.raises(Refused):
            vault.open(broken, "bo_1")


def test_equal_values_seal_differently_and_index_alike(vault: Vault) -> None:
    assert vault.seal("x", "a") != vault.seal("x", "a")
    assert vault.blind_index("11010519491231002x") == vault.blind_index(" 110105 1949-1231 002X ")
    assert vault.blind_index("1") != vault.blind_index("2")


def test_nothing_readable_reaches_the_database(database: Database, vault: Vault) -> None:
    number = "11010519491231002X"
    row = {
        "borrower_id": "bo_1",
        "region": "浙江",
        "id_number_sealed": vault.seal(number, "bo_1"),
        "id_number_index": vault.blind_index(number),
    }
    with database.begin() as connection:
        connection.execute(insert(borrower).values(row))
        kept = connection.execute(select(borrower)).one()
        assert number.encode() not in bytes(kept.id_number_sealed) + bytes(kept.id_number_index)
        found = select(borrower.c.borrower_id).where(borrower.c.id_number_index == vault.blind_index(number))
        assert connection.execute(found).scalar_one() == "bo_1"


def test_a_second_opening_reads_what_the_first_sealed(database: Database, vault: Vault) -> None:
    sealed = vault.seal("李雷", "bo_1")
    assert open_vault(database).open(sealed, "bo_1") == "李雷"


def test_rotation_keeps_old_values_readable(database: Database, vault: Vault) -> None:
    old = vault.seal("old", "c")
    rotated = rotate_data_key(database)
    new = rotated.seal("new", "c")
    assert rotated.open(old, "c") == "old"
    assert new[1:9] != old[1:9]
    with pytest.raises(Refused, match="key that is not here"):
        vault.open(new, "c")


def test_key_file_is_private_and_its_loss_is_said(database: Database, vault: Vault) -> None:
    path = master_key_file(database.home)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        open_vault(database)
    path.chmod(0o600)
    kept = path.read_text()
    path.write_text("short\n")
    with pytest.raises(InputError, match="not a master key"):
        open_vault(database)
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        open_vault(database)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(kept)
    open_vault(database)


def test_another_master_key_does_not_fit(database: Database, vault: Vault) -> None:
    path = master_key_file(database.home)
    path.unlink()
    with database.begin() as connection:
        kept = connection.execute(text("DELETE FROM vault_key RETURNING *")).mappings().all()
    open_vault(database)  # makes another master key
    with database.begin() as connection:
        connection.execute(text("DELETE FROM vault_key"))
        connection.execute(text("INSERT INTO vault_key VALUES (:key_id, :wrapped, :created_at)"), dict(kept[0]))
    with pytest.raises(InputError, match="does not fit"):
        open_vault(database)
