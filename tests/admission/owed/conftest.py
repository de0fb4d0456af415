"""Fixtures of the tests of owed settlements."""

from __future__ import annotations

import pytest

from tests.fakes.clock import NOON, FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that starts at noon."""
    return FakeClock(NOON)
