"""`vaultedge vault page`: the offline vault page."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any


def test_the_page_goes_to_stdout_and_its_digest_to_stderr(run_process: Any) -> None:
    """stdout is the page, byte for byte; its SHA-256 is on stderr."""
    result = run_process("vault", "page")

    assert result.returncode == 0
    assert result.stdout.startswith("<!doctype html>")
    assert hashlib.sha256(result.stdout.encode()).hexdigest() in result.stderr


def test_out_writes_a_new_file(vaultedge: Any, tmp_path: Path) -> None:
    """--out writes a new file and prints its SHA-256; only --force replaces a file."""
    file = tmp_path / "vault.html"
    result = vaultedge("vault", "page", "--out", str(file))

    assert (result.status, result.out) == (0, "")
    assert hashlib.sha256(file.read_bytes()).hexdigest() in result.err
    assert str(file) in result.err

    file.write_text("mine")
    again = vaultedge("vault", "page", "--out", str(file))
    assert (again.status, file.read_text()) == (1, "mine")
    assert "--force" in again.err
    assert vaultedge("vault", "page", "--out", str(file), "--force").status == 0
    assert file.read_text().startswith("<!doctype html>")
