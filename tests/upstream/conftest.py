"""Fixtures of the tests of calls to providers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.provider import FakeProvider


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    """Yield a running fake provider."""
    with FakeProvider() as fake_provider:
        yield fake_provider
