"""What the client is told when nobody could answer."""

from __future__ import annotations

import pytest

from vaultcore.errors import AttemptsExhausted, Fault, UpstreamError


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ([(400, Fault.MODEL)], 400),
        ([(404, Fault.MODEL), (404, Fault.MODEL)], 404),
        ([(400, Fault.MODEL), (404, Fault.MODEL)], 404),
        ([(None, Fault.MODEL)], 404),
        ([(404, Fault.MODEL), (503, Fault.HOST)], 502),
        ([(400, Fault.KEY)], 502),
        ([(401, Fault.KEY)], 502),
        ([(429, Fault.RATE), (429, Fault.RATE)], 429),
        ([(503, Fault.HOST)], 502),
        ([], 502),
    ],
)
def test_e4_providers_that_agree_are_believed(failures: list[tuple[int | None, Fault]], status: int) -> None:
    """A model that nobody serves is the client's 404, or 400 if all say so; what only some say is a 502."""
    told = [UpstreamError("no", fault=fault, upstream_status=code) for code, fault in failures]

    assert AttemptsExhausted(told).status == status
