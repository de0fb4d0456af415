"""Which kind of fault a status and an error code mean."""

from __future__ import annotations

import pytest

from vaultcore.errors import Fault
from vaultcore.routing.fault import classify_fault


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        *((status, None, Fault.KEY) for status in (401, 403)),
        pytest.param(402, None, Fault.KEY, id="q13 q27 no credits"),
        *((status, None, Fault.REQUEST) for status in (400, 406, 413, 415, 418, 422, 451)),
        *((status, None, Fault.MODEL) for status in (404, 405, 501)),
        *((status, None, Fault.HOST) for status in (None, 200, 302, 408, 409, 425, 500, 502, 503, 504, 529)),
        (429, None, Fault.RATE),
        (429, "rate_limit_exceeded", Fault.RATE),
        (429, "insufficient_quota", Fault.KEY),
        (429, "billing_hard_limit_reached", Fault.KEY),
        (400, "invalid_api_key", Fault.KEY),
        (400, "API_KEY_INVALID", Fault.KEY),
        (400, "content_filter", Fault.REQUEST),
        pytest.param(400, "tool_use_failed", Fault.REQUEST, id="q3 invalid tool call by the model"),
        *((status, "context_length_exceeded", Fault.SIZE) for status in (None, 400, 413)),
        (400, "exceed_context_size_error", Fault.SIZE),
        (400, "model_decommissioned", Fault.MODEL),
        (400, "model_not_found", Fault.MODEL),
        (500, "invalid_api_key", Fault.HOST),  # the code of a 5xx does not count
        (None, "rate_limit_error", Fault.RATE),
        (None, "overloaded_error", Fault.HOST),
        (None, "invalid_request_error", Fault.REQUEST),
        (None, "authentication_error", Fault.KEY),
        (None, "whatever", Fault.HOST),
    ],
)
def test_e3_e6_e7_o12_o13_status_and_code_decide_the_fault(
    status: int | None, code: str | None, expected: Fault
) -> None:
    """The status decides; an error code counts only if it is more specific than its status."""
    assert classify_fault(status, code) is expected
