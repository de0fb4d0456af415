"""A call counter that runs `vaultedge`: `python -m tests.bench.call_counter OUT serve …`.

SIGUSR1 starts to count the calls of the main thread, SIGUSR2 writes them to OUT in the format of cProfile. A
resumed coroutine or generator counts as a call.
"""

from __future__ import annotations

import cProfile
import os
import signal
import sys
from pathlib import Path


class CallCounter:
    """Counts calls between two signals."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._profile = cProfile.Profile()

    def install(self) -> None:
        signal.signal(signal.SIGUSR1, lambda *_: self._start())
        signal.signal(signal.SIGUSR2, lambda *_: self._write())

    def _start(self) -> None:
        self._profile = cProfile.Profile()
        started(self.out).touch()
        self._profile.enable()

    def _write(self) -> None:
        self._profile.disable()
        draft = self.out.with_suffix(".draft")
        self._profile.dump_stats(draft)
        started(self.out).unlink()
        draft.replace(self.out)


def started(out: Path) -> Path:
    """Return the file that exists while calls are counted."""
    return out.with_suffix(".started")


if __name__ == "__main__":
    from vaultcore.cli.main import main

    CallCounter(Path(sys.argv[1])).install()
    sys.exit(main(sys.argv[2:], sys.stdin, sys.stdout, sys.stderr, os.environ))
