"""Fixtures for all tests."""

from __future__ import annotations

import gc
import io
import logging
import signal
from collections.abc import Iterator

import pytest

from tests.fakes.provider import FakeProvider
from vaultcore.telemetry import NOISY_LOGGERS, configure

# Background jobs of a shell ignore SIGINT, and processes that tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Exempt the collected tests from garbage collection, which takes a second with 15,000 of them."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    """Run tests marked `anyio` with asyncio."""
    return "asyncio"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Yield a running fake provider."""
    with FakeProvider() as running:
        yield running


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Collect the log lines of the test, at DEBUG, in the format of the gateway."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in NOISY_LOGGERS}
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
