"""The observed gateway of every test in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracing.observed_gateway import ObservedGateway, observed


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[ObservedGateway]:
    with observed(tmp_path) as observation:
        yield observation
