"""What every test relies on."""

from __future__ import annotations

import io
import logging
import signal
from collections.abc import Iterator

import pytest

from vaultcore.telemetry import TALKATIVE, configure

# A shell that runs this in the background has SIGINT ignored, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def anyio_backend() -> str:
    """Tests marked `anyio` run in asyncio's loop."""
    return "asyncio"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged meanwhile, at DEBUG, as this gateway writes it."""
    root = logging.getLogger()
    kept, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in TALKATIVE}
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
