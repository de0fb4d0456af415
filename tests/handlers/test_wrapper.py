"""handlers/run_stream, the wrapper script of the streamed function."""

from __future__ import annotations

import subprocess

from tests.handlers.deployment import ROOT

WRAPPER = str(ROOT / "handlers" / "run_stream")


def run_wrapper(**environ: str) -> str:
    """Return what the wrapper starts instead of `INTERPRETER BOOTSTRAP`; here `echo` prints it."""
    done = subprocess.run(
        [WRAPPER, "/bin/echo", "bootstrap.py"],
        check=True,
        env={"PATH": "/bin:/usr/bin", **environ},
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_loop_replaces_the_bootstrap() -> None:
    """In Lambda the managed interpreter runs the streaming loop."""
    assert run_wrapper(LAMBDA_TASK_ROOT=str(ROOT)) == "-m handlers.stream"


def test_sam_local_gets_the_managed_runtime() -> None:
    """`sam local` cannot read streamed responses, so it gets the buffered handler."""
    assert run_wrapper(AWS_SAM_LOCAL="true") == "bootstrap.py"
