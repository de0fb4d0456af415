from __future__ import annotations

import socket
import ssl

import httpx
import pytest

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.dialects import ErrorDetail
from vaultcore.errors import Fault
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream.errors import MAX_WAIT, refused, reported, retry_after, transport_reason
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
def test_q37_every_way_to_ask_for_time(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates are understood, nonsense is not, and nobody is waited for for ever."""
    assert retry_after(headers, NOW) == seconds


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500, 503, 529])
def test_only_the_requests_fault_is_quoted(status: int) -> None:
    """What a provider says about a key or about itself is told in our words."""
    error = refused(ACME, status, ErrorDetail("it was the butler", code="butler", param="hall"))

    assert "butler" not in f"{error} {error.code} {error.param}"
    assert str(error).startswith("Acme ")
    assert str(status) in str(error)


def test_e10_the_requests_fault_is_quoted_redacted() -> None:
    """A 400 keeps its message, its code and its param, and none of them shows a key."""
    said = f"bad {KEY} and sk-abc123def456 in\x00 messages"
    error = refused(ACME, 400, ErrorDetail(said, code="bad_value", param="messages[0].content"))

    assert str(error) == "bad [redacted] and [redacted] in messages"
    assert (error.status, error.code, error.param) == (400, "bad_value", "messages[0].content")

    quoting = refused(ACME, 400, ErrorDetail("x" * 9_000, code=KEY, param="a b"))
    assert len(str(quoting)) == 500
    assert (quoting.code, quoting.param) == ("upstream_error", None)


@pytest.mark.parametrize("code", ["context_length_exceeded", "exceed_context_size_error"])
@pytest.mark.parametrize("status", [400, 413])
def test_e6_o13_too_long_has_one_code(status: int, code: str) -> None:
    """Whatever a provider calls it, the client reads OpenAI's code for it, and the provider's words."""
    error = refused(ACME, status, ErrorDetail("9 tokens are too many", code=code, param="messages"))

    assert (error.fault, error.status, error.type) == (Fault.SIZE, status, "invalid_request_error")
    assert (str(error), error.code, error.param) == (
        "9 tokens are too many",
        "context_length_exceeded",
        "messages",
    )


@pytest.mark.parametrize(
    ("status", "code", "found", "shown"),
    [
        (None, "invalid_request_error", Fault.REQUEST, 400),
        (None, "context_length_exceeded", Fault.SIZE, 400),
        (None, "overloaded_error", Fault.HOST, None),
        (529, "overloaded_error", Fault.HOST, 529),
        (429, "rate_limit_error", Fault.RATE, 429),
        (200, "server_error", Fault.HOST, 200),
    ],
)
def test_an_error_inside_a_200(status: int | None, code: str, found: Fault, shown: int | None) -> None:
    """An error that came with 200 is told by what it says, and no client is shown it as a 200."""
    error = reported(ACME, status, ErrorDetail("no", code=code))

    assert (error.fault, error.upstream_status) == (found, shown)
    assert error.status >= 400


@pytest.mark.parametrize(
    ("cause", "told"),
    [
        (socket.gaierror(-2, "Name or service not known"), "has a host name that does not resolve"),
        (ConnectionRefusedError(), "refused the connection"),
        (ssl.SSLCertVerificationError(), "failed the TLS handshake"),
        (OSError("whatever"), "could not be reached"),
    ],
)
def test_what_happened_on_the_wire(cause: OSError, told: str) -> None:
    """The reason is told from the classes on the chain, groups included."""
    direct, grouped = httpx.ConnectError("x"), httpx.ConnectError("x")
    direct.__cause__ = cause
    grouped.__cause__ = ExceptionGroup("several", [cause, cause])

    assert transport_reason(direct) == told
    assert transport_reason(grouped) == told
    assert transport_reason(httpx.ReadError("x")) == "closed the connection"
