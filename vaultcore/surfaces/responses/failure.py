"""How a stream of events ends that broke after it had begun."""

from __future__ import annotations

from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.surfaces.text import dump
from vaultcore.wire import Json

CODES = {429: "rate_limit_exceeded"}  # what `response.error.code` may be, beside its general word


def failure_event(error: GatewayError, number: int = 0) -> Event:
    """The event of a stream whose response is not known: one that passed as the provider wrote it."""
    told = {
        "type": "error",
        "sequence_number": number,
        "code": error.code,
        "message": str(error),
        "param": error.param,
    }
    return Event(dump(told), "error")


def failed(begun: Json, error: GatewayError) -> Json:
    """The response of a stream that has failed."""
    told = {"code": CODES.get(error.status, "server_error"), "message": str(error)}
    return {**begun, "status": "failed", "error": told}
