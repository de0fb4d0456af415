"""What tests of the gate share."""

from __future__ import annotations

import pytest

from tests.admission.spending import NOON
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)
