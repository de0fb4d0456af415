"""Reads and parses the bodies of provider responses, within deadlines and sizes."""

from __future__ import annotations

import time
from collections.abc import Mapping

from vaultcore.casts import cast
from vaultcore.dialects import Dialect, StreamFault, think_tags
from vaultcore.errors import UpstreamError
from vaultcore.json_codec import loads
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.deadlines import Deadlines
from vaultcore.upstream.provider_request import ProviderResponse
from vaultcore.upstream.transport import TransportError, TransportResponse
from vaultcore.wire import Json

MAX_BODY = 64 * 1024 * 1024  # bytes of a whole response
MAX_ERROR = 64 * 1024  # bytes of an error body that are read
ERROR_TIMEOUT = 5.0  # seconds for an error body; the status is known already
FAILURES = (TransportError, OSError)  # of a transport; TimeoutError, a kind of OSError, is that of a deadline


def content_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, without parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def failure(candidate: Candidate, error: Exception, deadlines: Deadlines) -> UpstreamError:
    """Return the error for what a transport raised. It must be raised outside of the `except` block."""
    if isinstance(error, TimeoutError):
        return errors.host_error(candidate, deadlines.description, late=deadlines.request_time_is_up)
    return errors.host_error(candidate, errors.transport_reason(error), late=deadlines.request_time_is_up)


async def read_body(candidate: Candidate, response: TransportResponse, deadlines: Deadlines) -> bytes:
    """Return a whole body. Raises UpstreamError."""
    chunks, size, length = [], 0, response.headers.get("content-length")
    try:
        while chunk := await response.read(deadlines.for_chunk()):
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                break
            if length is not None and str(size) == length:  # the end; to read it takes five calls
                return b"".join(chunks)  # without a copy if it is one
        else:
            return b"".join(chunks)
        lost = errors.host_error(candidate, f"sent more than {MAX_BODY} bytes", status=200)
    except FAILURES as error:
        lost = failure(candidate, error, deadlines)
    raise lost


async def read_completion(
    candidate: Candidate, dialect: Dialect, response: TransportResponse, deadlines: Deadlines
) -> ProviderResponse:
    """Return a whole body as a completion. Raises UpstreamError."""
    # Raised here, where no local variable holds the body: it may contain the key.
    parsed = _parse_completion(
        candidate, dialect, await read_body(candidate, response, deadlines), response.status
    )
    if isinstance(parsed, UpstreamError):
        raise parsed
    return parsed


async def read_error(
    candidate: Candidate, dialect: Dialect, response: TransportResponse, deadlines: Deadlines
) -> UpstreamError:
    """Return the error that a response describes, from as much of its body as arrives in time."""
    deadlines.end_within(ERROR_TIMEOUT)
    body = b""
    try:
        while len(body) <= MAX_ERROR and (chunk := await response.read(deadlines.for_chunk())):
            body += chunk
    except FAILURES:
        pass  # the status and the bytes so far are enough
    detail = errors.with_header_code(dialect.parse_error(response.status, body[:MAX_ERROR]), response.headers)
    wait = errors.parse_retry_after(response.headers, time.time())
    return errors.error_from_response(candidate, response.status, detail, retry_after=wait)


def parse_object(body: bytes) -> Json | None:
    """Return the JSON object in a body, or None."""
    try:
        value = loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _parse_completion(
    candidate: Candidate, dialect: Dialect, body: bytes, status: int
) -> ProviderResponse | UpstreamError:
    fault: StreamFault | None = None
    try:
        value = loads(body)
        if isinstance(value, dict | list):  # some providers answer with a list; the dialect decides
            content = cast(Json, value)
            completion = think_tags.parse_response(dialect, candidate.target.provider, content)
            return ProviderResponse(completion, content)
    except StreamFault as error:
        fault = error
    except (ValueError, RecursionError):
        pass
    if fault is not None:
        return errors.error_from_body(candidate, fault.status, fault.detail)
    reason = "sent a body that is not a completion" if body.strip() else "sent an empty body"
    return errors.host_error(candidate, reason, status=status)
