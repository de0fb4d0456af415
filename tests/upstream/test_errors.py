"""Provider failures as errors that are safe to show."""

from __future__ import annotations

import socket
import ssl

import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import ErrorDetail
from vaultcore.errors import Fault
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream.errors import (
    MAX_WAIT,
    error_from_body,
    error_from_response,
    parse_retry_after,
    transport_reason,
)
from vaultcore.upstream.transport import ConnectFailed, TransportError
from vaultcore.vault.keyring import Credential

KEY = "marker.key.without.any.known.shape"
ACME = Candidate(
    Target(Provider("acme", "https://a.test", title="Acme"), Model("m")), Credential("acme", KEY)
)
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:20 GMT"}, 20.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "1e300"}, MAX_WAIT),
        *(({"retry-after": text}, None) for text in ("", "soon", "-3", "nan", "inf", "Fri, 99 Jan 2027")),
        ({}, None),
    ],
)
def test_q37_each_form_of_retry_after_is_parsed(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are parsed, invalid values are ignored, and long waits are capped."""
    assert parse_retry_after(headers, NOW) == seconds


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 503, 529])
def test_only_request_faults_are_quoted(status: int) -> None:
    """A provider's message about a key or itself is replaced by the gateway's own."""
    error = error_from_response(
        ACME, status, ErrorDetail("message-marker", code="code-marker", param="param-marker")
    )

    assert "marker" not in f"{error} {error.code} {error.param}"
    assert str(error).startswith("Acme ")
    assert str(status) in str(error)


def test_e10_request_faults_are_quoted_redacted() -> None:
    """A 400 keeps its message, code and param; keys in them are redacted."""
    message = f"bad {KEY} and sk-abc123def456 in\x00 messages"
    error = error_from_response(
        ACME, 400, ErrorDetail(message, code="bad_value", param="messages[0].content")
    )

    assert str(error) == "bad [redacted] and [redacted] in messages"
    assert (error.status, error.code, error.param) == (400, "bad_value", "messages[0].content")

    invalid_fields = error_from_response(ACME, 400, ErrorDetail("x" * 9_000, code=KEY, param="a b"))
    assert len(str(invalid_fields)) == 500
    assert (invalid_fields.code, invalid_fields.param) == ("upstream_error", None)


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
@pytest.mark.parametrize("status", [400, 413])
def test_e6_o13_a_prompt_that_is_too_long_has_openais_code(status: int, code: str) -> None:
    """The client gets OpenAI's code for a prompt that is too long, and the provider's message."""
    error = error_from_response(
        ACME, status, ErrorDetail("9 tokens are too many", code=code, param="messages")
    )

    assert (error.fault, error.status, error.type) == (Fault.SIZE, status, "invalid_request_error")
    assert (str(error), error.code, error.param) == (
        "9 tokens are too many",
        "context_length_exceeded",
        "messages",
    )


@pytest.mark.parametrize(
    ("status", "code", "fault", "upstream_status"),
    [
        (None, "invalid_request_error", Fault.REQUEST, 400),
        (None, "context_length_exceeded", Fault.SIZE, 400),
        (None, "overloaded_error", Fault.HOST, None),
        (529, "overloaded_error", Fault.HOST, 529),
        (429, "rate_limit_error", Fault.RATE, 429),
        (200, "server_error", Fault.HOST, 200),
    ],
)
def test_an_error_inside_a_200(
    status: int | None, code: str, fault: Fault, upstream_status: int | None
) -> None:
    """The code of an error inside a 200 decides its fault, and the client never gets a 200."""
    error = error_from_body(ACME, status, ErrorDetail("no", code=code))

    assert (error.fault, error.upstream_status) == (fault, upstream_status)
    assert error.status >= 400


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (socket.gaierror(-2, "Name or service not known"), "has a host name that does not resolve"),
        (ConnectionRefusedError(), "refused the connection"),
        (ssl.SSLCertVerificationError(), "failed the TLS handshake"),
        (OSError("whatever"), "could not be reached"),
    ],
)
def test_transport_reasons(cause: OSError, reason: str) -> None:
    """The exception classes on the chain, groups included, decide the reason."""
    direct, grouped = ConnectFailed("x"), ConnectFailed("x")
    direct.__cause__ = cause
    grouped.__cause__ = ExceptionGroup("several", [cause, cause])

    assert transport_reason(direct) == reason
    assert transport_reason(grouped) == reason
    assert transport_reason(TransportError("x")) == "closed the connection"
