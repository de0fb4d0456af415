from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def test_the_page_goes_to_stdout_and_its_digest_to_stderr(in_a_process: Any) -> None:
    """stdout is the file, byte for byte; the SHA-256 is beside it."""
    ran = in_a_process("vault", "page")

    assert ran.returncode == 0
    assert ran.stdout.startswith("<!doctype html>")
    assert hashlib.sha256(ran.stdout.encode()).hexdigest() in ran.stderr


def test_the_page_is_written_and_replaces_none(vaultedge: Any, tmp_path: Path) -> None:
    """--out makes a file whose SHA-256 is told; only --force replaces one."""
    file = tmp_path / "vault.html"
    ran = vaultedge("vault", "page", "--out", str(file))

    assert (ran.status, ran.out) == (0, "")
    assert hashlib.sha256(file.read_bytes()).hexdigest() in ran.err
    assert str(file) in ran.err

    file.write_text("mine")
    again = vaultedge("vault", "page", "--out", str(file))
    assert (again.status, file.read_text()) == (1, "mine")
    assert "--force" in again.err
    assert vaultedge("vault", "page", "--out", str(file), "--force").status == 0
    assert file.read_text().startswith("<!doctype html>")
