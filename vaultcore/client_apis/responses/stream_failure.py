"""How a stream of events ends that broke after it had begun."""

from __future__ import annotations

import json

from vaultcore.client_apis.json_text import dump
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
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


def next_number(after: Event | None) -> int:
    """The number of the event that comes after another."""
    try:
        told = json.loads(after.data) if after is not None else None
    except (ValueError, RecursionError):
        return 0
    number = told.get("sequence_number") if isinstance(told, dict) else None
    return number + 1 if isinstance(number, int) else 0


def failed(begun: Json, error: GatewayError) -> Json:
    """The response of a stream that has failed."""
    told = {"code": CODES.get(error.status, "server_error"), "message": str(error)}
    return {**begun, "status": "failed", "error": told}
