"""The last event of a stream that failed after its first event.

https://platform.openai.com/docs/api-reference/responses-streaming/error
"""

from __future__ import annotations

import json

from vaultcore.client_apis.json_text import dump
from vaultcore.errors import GatewayError
from vaultcore.streams.sse import Event
from vaultcore.wire import Json

ERROR_CODES = {429: "rate_limit_exceeded"}  # by HTTP status; every other status is `server_error`


def error_event(error: GatewayError, number: int = 0) -> Event:
    """Return an `error` event, for a stream whose response object the gateway does not know."""
    payload = {
        "type": "error",
        "sequence_number": number,
        "code": error.code,
        "message": str(error),
        "param": error.param,
    }
    return Event(dump(payload), "error")


def next_sequence_number(last: Event | None) -> int:
    """Return the sequence number after that of an event, or 0 if it has none."""
    try:
        payload = json.loads(last.data) if last is not None else None
    except (ValueError, RecursionError):
        return 0
    number = payload.get("sequence_number") if isinstance(payload, dict) else None
    return number + 1 if isinstance(number, int) else 0


def fail_response(response: Json, error: GatewayError) -> Json:
    """Return the response with status `failed` and the error."""
    detail = {"code": ERROR_CODES.get(error.status, "server_error"), "message": str(error)}
    return {**response, "status": "failed", "error": detail}
