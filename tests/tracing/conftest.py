"""A watched house for every test of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracing.watched import Watched, watched


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path) as found:
        yield found
