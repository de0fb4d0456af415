"""How often tests repeat themselves: a few times in `make test`, many times in `make test-long`."""

from __future__ import annotations

import os

IS_LONG = bool(os.environ.get("VAULTEDGE_TEST_LONG"))


def times(everyday: int, long: int) -> int:
    """Return a number of repetitions. Mark the test `repeated`, so that `make test-long` runs it."""
    return long if IS_LONG else everyday
