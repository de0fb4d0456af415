from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vaultcore.vault import private


def test_a_new_file_replaces_nothing(tmp_path: Path) -> None:
    """Neither a file, nor a link to one, nor a link to nowhere is overwritten or followed."""
    there = tmp_path / "there"
    there.write_text("old")
    (tmp_path / "link").symlink_to(there)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("there", "link", "dangling"):
        with pytest.raises(FileExistsError):
            private.write_new(tmp_path / name, "new")
    assert there.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dangling", "link", "there"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Writing over a link puts a file in its place and leaves its target alone."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)

    private.write(link, "new")

    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("old", "new", False)


def test_a_written_file_is_private_whatever_was_there(tmp_path: Path) -> None:
    """A file that others could read is one they cannot read once it was written."""
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o666)

    private.write(file, "new")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert private.read(file) == "new"


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """What could not be written whole is not there at all, and what was there still is."""
    file = tmp_path / "file"
    with pytest.raises(UnicodeEncodeError):
        private.write_new(file, "half a character \ud800")
    assert list(tmp_path.iterdir()) == []

    private.write(file, "old")
    with pytest.raises(UnicodeEncodeError):
        private.write(file, "half a character \ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
