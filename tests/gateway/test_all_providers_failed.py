"""The status that a client gets when all attempts failed."""

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
        ([(200, Fault.MODEL)], 502),
        ([(501, Fault.MODEL)], 502),
        ([(501, Fault.MODEL), (404, Fault.MODEL)], 502),
        ([(404, Fault.MODEL), (503, Fault.HOST)], 502),
        ([(400, Fault.KEY)], 502),
        ([(401, Fault.KEY)], 502),
        ([(429, Fault.RATE), (429, Fault.RATE)], 429),
        ([(503, Fault.HOST)], 502),
        ([], 502),
    ],
)
def test_e4_the_status_if_all_failures_agree(failures: list[tuple[int | None, Fault]], status: int) -> None:
    """If all providers return the same client error, it is returned; mixed failures become a 502."""
    errors = [UpstreamError("no", fault=fault, upstream_status=code) for code, fault in failures]

    assert AttemptsExhausted(errors).status == status
