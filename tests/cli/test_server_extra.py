"""`vaultedge serve` and `vaultedge demo` without the packages of the extra `serve`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.fakes.served import COMMAND, ROOT, environment

BLOCKER = """\
import sys


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "uvicorn":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Blocker())
"""


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_missing_server_is_two_lines(command: str, tmp_path: Path) -> None:
    """Without uvicorn, the command exits with 1, says what to install, and creates nothing."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BLOCKER)
    home = tmp_path / "home"
    home.mkdir()

    done = subprocess.run(
        [*COMMAND, command],
        cwd=home,
        env=environment(home, {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "vaultedge: the server is not installed",
        "vaultedge: hint: pip install 'vaultedge-serverless[serve]'",
    ]
    assert done.stdout == ""
    assert list(home.iterdir()) == []
