"""What tests of the gate share."""

from __future__ import annotations

import pytest

from tests.fakes.clock import FakeClock
from tests.gate.spending import NOON


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)
