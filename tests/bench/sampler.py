"""A sampling profiler that runs `vaultedge`: `python -m tests.bench.sampler OUT serve …`.

SIGUSR1 starts counting, SIGUSR2 writes the counts to OUT. It samples the stack at intervals of CPU time, so
it does not overstate small functions as a tracing profiler does. Time in C counts for the calling function.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL = 0.001  # seconds of CPU time between samples; the kernel may round it up to 4 ms


class Sampler:
    """Counts which functions are on the stack."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.looks = 0
        self.own: Counter[str] = Counter()  # samples in which a function was running
        self.within: Counter[str] = Counter()  # samples in which it was on the stack

    def install(self) -> None:
        signal.signal(signal.SIGPROF, self._look)
        signal.signal(signal.SIGUSR1, lambda *_: signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL))
        signal.signal(signal.SIGUSR2, lambda *_: self._write())

    def _look(self, _signum: int, frame: FrameType | None) -> None:
        stack = []
        while frame is not None:
            stack.append(_name(frame))
            frame = frame.f_back
        self.looks += 1
        self.own.update(stack[:1])
        self.within.update(set(stack))

    def _write(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        text = json.dumps({"looks": self.looks, "own": self.own, "within": self.within})
        draft = self.out.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.out)
        self.looks = 0
        self.own.clear()
        self.within.clear()


def _name(frame: FrameType) -> str:
    code = frame.f_code
    file = re.sub(r".*/(?:site-packages/|python[\d.]+/|(?=(?:vaultcore|tests)/))", "", code.co_filename)
    return f"{file}:{code.co_firstlineno} {code.co_qualname}"


if __name__ == "__main__":
    from vaultcore.cli.main import main

    Sampler(Path(sys.argv[1])).install()
    sys.exit(main(sys.argv[2:], sys.stdin, sys.stdout, sys.stderr, os.environ))
