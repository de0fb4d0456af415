from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vaultcore.vault import private_files


def test_write_new_never_replaces_a_path(tmp_path: Path) -> None:
    """Files, links to files and dangling links are neither overwritten nor followed."""
    there = tmp_path / "there"
    there.write_text("old")
    (tmp_path / "link").symlink_to(there)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")

    for name in ("there", "link", "dangling"):
        with pytest.raises(FileExistsError):
            private_files.write_new(tmp_path / name, "new")
    assert there.read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["dangling", "link", "there"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """Writing to a link replaces the link and does not change its target."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)

    private_files.write(link, "new")

    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("old", "new", False)


def test_write_makes_a_file_private(tmp_path: Path) -> None:
    """A file that other users could read is private after a write."""
    file = tmp_path / "file"
    file.write_text("old")
    file.chmod(0o666)

    private_files.write(file, "new")

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert private_files.read(file) == "new"


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    """A write that fails creates no file and keeps an existing one."""
    file = tmp_path / "file"
    with pytest.raises(UnicodeEncodeError):
        private_files.write_new(file, "half a character \ud800")
    assert list(tmp_path.iterdir()) == []

    private_files.write(file, "old")
    with pytest.raises(UnicodeEncodeError):
        private_files.write(file, "half a character \ud800")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("has_links", [True, False])
def test_a_new_file_is_never_seen_half_written(
    has_links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed at any step leaves the whole file or none, or without links an empty one."""
    import os

    link = os.link

    def look(*_: object, **__: object) -> None:
        seen.append(file.read_text() if file.exists() else None)

    def link_or_fail(source: Path, target: Path) -> None:
        look()
        if not has_links:
            raise PermissionError(1, "Operation not permitted")
        link(source, target)
        look()

    seen: list[str | None] = []
    file = tmp_path / "pepper.key"
    for name in ("fsync", "write", "close"):
        original = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, run=original: (look(), run(*args))[1])
    monkeypatch.setattr(os, "link", link_or_fail)
    private_files.write_new(file, "whole")

    assert set(seen) <= ({None, "whole"} if has_links else {None, "", "whole"})
    assert file.read_text() == "whole"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
