from __future__ import annotations

import subprocess

from tests.handlers.deployment import ROOT

WRAPPER = str(ROOT / "handlers" / "run_stream")


def wrapped(**environ: str) -> str:
    """What the wrapper starts in place of `INTERPRETER BOOTSTRAP`, here `echo`."""
    done = subprocess.run(
        [WRAPPER, "/bin/echo", "bootstrap.py"],
        check=True,
        env={"PATH": "/bin:/usr/bin", **environ},
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_our_loop_takes_the_bootstraps_place() -> None:
    """In Lambda the managed interpreter runs the streaming loop."""
    assert wrapped(LAMBDA_TASK_ROOT=str(ROOT)) == "-m handlers.stream"


def test_sam_local_gets_the_managed_runtime() -> None:
    """`sam local` cannot read a streamed answer, so it gets the buffered handler."""
    assert wrapped(AWS_SAM_LOCAL="true") == "bootstrap.py"
