"""A YAML file that cannot be read is said with its place."""

from pathlib import Path

import pytest

from jiehuan.units.errors import InputError
from jiehuan.units.yaml_file import read_yaml


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1, 2\n", "line 2 column 1: malformed YAML"),
        (b"a: 1\nb: : 2", "line 2 column 4: malformed YAML"),
        (b"a: !!python/object:os.system {}", "malformed YAML: could not determine a constructor"),
        (b"a: \xff", "byte 3: not UTF-8 text"),
        (b"a: \x00", "malformed YAML"),
    ],
)
def test_a_malformed_file_is_said_with_its_place(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert words in str(caught.value) and "mend" not in str(caught.value).split(";")[0]


def test_a_missing_file_and_a_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; check the path; see mappings/"):
        read_yaml(tmp_path / "none.yaml", example="mappings/")
    with pytest.raises(InputError, match="is a directory; name a mapping"):
        read_yaml(tmp_path, what="a mapping")


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("借: 1.50\nday: 2026-01-02", encoding="utf-8")
    assert list(read_yaml(path)) == ["借", "day"]
