"""Runs a command on a file system of 1 MB that is full, in a mount namespace of its own (Linux)."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

SCRIPT = """
mount -t tmpfs -o size=1m vaultedge-test "$1" || exit 99
cd "$1" && shift
"$0" -c "$PREPARE" || exit 98
head -c 2000000 /dev/zero > filler 2>/dev/null
exec "$0" -c "$RUN"
"""


@cache
def is_supported() -> bool:
    """Return True if this user may create a mount namespace with a tmpfs."""
    command = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=1m none /mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


def run_on_full_disk(folder: Path, prepare: str, run: str, root: Path) -> tuple[str, str]:
    """Run Python code before and after the disk is full; return stdout and stderr of the second."""
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", SCRIPT, sys.executable, str(folder)],
        env={**os.environ, "PYTHONPATH": str(root), "PREPARE": prepare, "RUN": run},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode < 98, done.stderr
    return done.stdout, done.stderr
