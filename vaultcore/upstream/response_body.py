"""Reads and parses the bodies of provider responses, within deadlines and sizes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx

from vaultcore.dialects import Dialect, StreamFault, think_tags
from vaultcore.errors import UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.upstream import errors
from vaultcore.upstream.deadlines import Deadlines
from vaultcore.upstream.provider_request import ProviderResponse
from vaultcore.wire import Json

MAX_BODY = 64 * 1024 * 1024  # bytes of a whole response
MAX_ERROR = 64 * 1024  # bytes of an error body that are read
ERROR_TIMEOUT = 5.0  # seconds for an error body; the status is known already


def content_type(response: httpx.Response) -> str:
    """Return the media type in lower case, without parameters."""
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def read_chunks(
    candidate: Candidate, response: httpx.Response, deadlines: Deadlines
) -> AsyncGenerator[bytes, None]:
    """Yield the body's bytes as they arrive. Raises UpstreamError at a deadline or a lost connection."""
    source = response.aiter_raw()
    chunk: bytes | None = b""
    while chunk is not None:
        reason, until = None, deadlines.for_chunk()
        if deadlines.request_time_is_up:  # `timeout_at` never fires while a provider sends without pause
            raise errors.host_error(candidate, deadlines.description, late=True)
        try:
            async with asyncio.timeout_at(until):
                chunk = await anext(source, None)
        except TimeoutError:
            reason = deadlines.description
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            reason = errors.transport_reason(error)
        if reason is not None:
            raise errors.host_error(candidate, reason, late=deadlines.request_time_is_up)
        if chunk:
            yield chunk


async def read_body(candidate: Candidate, response: httpx.Response, deadlines: Deadlines) -> bytes:
    """Return a whole body. Raises UpstreamError."""
    chunks, size = [], 0
    async with aclosing(read_chunks(candidate, response, deadlines)) as source:
        async for chunk in source:
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise errors.host_error(candidate, f"sent more than {MAX_BODY} bytes", status=200)
    return b"".join(chunks)


async def read_completion(
    candidate: Candidate, dialect: Dialect, response: httpx.Response, deadlines: Deadlines
) -> ProviderResponse:
    """Return a whole body as a completion. Raises UpstreamError."""
    # Raised here, where no local variable holds the body: it may contain the key.
    body = await read_body(candidate, response, deadlines)
    parsed = _parse_completion(candidate, dialect, body, response.status_code)
    del body
    if isinstance(parsed, UpstreamError):
        raise parsed
    return parsed


async def read_error(
    candidate: Candidate, dialect: Dialect, response: httpx.Response, deadlines: Deadlines
) -> UpstreamError:
    """Return the error that a response describes, from as much of its body as arrives in time."""
    deadlines.end_within(ERROR_TIMEOUT)
    body = b""
    try:
        async with aclosing(read_chunks(candidate, response, deadlines)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > MAX_ERROR:
                    break
    except UpstreamError:
        pass  # the status and the bytes so far are enough
    detail = errors.with_header_code(
        dialect.parse_error(response.status_code, body[:MAX_ERROR]), response.headers
    )
    wait = errors.parse_retry_after(response.headers, time.time())
    return errors.error_from_response(candidate, response.status_code, detail, retry_after=wait)


def parse_object(body: bytes) -> Json | None:
    """Return the JSON object in a body, or None."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


async def close(response: httpx.Response) -> None:
    """Close a response; ignore transport errors."""
    try:
        await response.aclose()
    except (httpx.HTTPError, OSError):
        return


def _parse_completion(
    candidate: Candidate, dialect: Dialect, body: bytes, status: int
) -> ProviderResponse | UpstreamError:
    fault: StreamFault | None = None
    try:
        value: Json = json.loads(body)
        if isinstance(value, dict | list):  # some providers answer with a list; the dialect decides
            completion = think_tags.parse_response(dialect, candidate.target.provider, value)
            return ProviderResponse(completion, value)
    except StreamFault as error:
        fault = error
    except (ValueError, RecursionError):
        pass
    if fault is not None:
        return errors.error_from_body(candidate, fault.status, fault.detail)
    reason = "sent a body that is not a completion" if body.strip() else "sent an empty body"
    return errors.host_error(candidate, reason, status=status)
