"""Failures at a provider as `UpstreamError`s that are safe to show.

A provider's message is quoted only if the request is at fault, and it is redacted. Messages about keys or the
provider itself are replaced by the gateway's own. None of these errors has a cause: exceptions of an HTTP
library may contain the request, and the request contains the key.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime

from vaultcore.casts import cast
from vaultcore.dialects import ErrorDetail
from vaultcore.dialects.error_fields import rpc_name
from vaultcore.errors import AttemptDeadlineExceeded, Fault, StreamBroken, UpstreamError
from vaultcore.routing.candidate import Candidate
from vaultcore.routing.fault import classify_fault
from vaultcore.telemetry import redact
from vaultcore.upstream.http1.proxy import ProxyRefused, ProxyUnreachable
from vaultcore.upstream.transport import ConnectFailed
from vaultcore.wire import Json

QUOTED = frozenset({Fault.REQUEST, Fault.SIZE})  # the client needs to know why
ENDED = frozenset({Fault.OUTPUT, Fault.HISTORY})  # the message has the model's reason
TOO_LONG = "context_length_exceeded"  # OpenAI's code
MAX_DEPTH = 4  # of the details of an error
MAX_ITEMS = 32  # in one list or object of them
QUOTA_FAILURE = "QuotaFailure"  # a message of google.rpc
QUOTA_FIELDS = ("quotaMetric", "quotaId", "quotaDimensions", "quotaValue")
OPERATOR_METADATA = ("consumer", "containerInfo")  # of google.rpc.ErrorInfo: the project of the key
MAX_WAIT = 7 * 86_400.0  # seconds
_CODE = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_PARAM = re.compile(r"[\w.\[\]:-]{1,128}", re.ASCII)
_MESSAGES = {
    Fault.KEY: "rejected the key",
    Fault.RATE: "limits the rate of this key",
    Fault.MODEL: "does not serve this model",
    Fault.HOST: "failed",
}


def error_from_response(
    candidate: Candidate, status: int, detail: ErrorDetail, *, retry_after: float | None = None
) -> UpstreamError:
    """Return the error for a response with an error status."""
    kind = classify_fault(status, _specific_code(detail) or detail.code)
    return _build(candidate, status, kind, detail, retry_after)


def with_header_code(detail: ErrorDetail, headers: Mapping[str, str]) -> ErrorDetail:
    """Return the detail with the error code from AWS's header `x-amzn-errortype: Name:http://…`."""
    name = headers.get("x-amzn-errortype", "").partition(":")[0]
    return replace(detail, code=name) if name and detail.code is None else detail


def error_from_body(candidate: Candidate, status: int | None, detail: ErrorDetail) -> UpstreamError:
    """Return the error for an error body or event inside a 200 response."""
    kind = classify_fault(status, detail.code)
    error_status = 400 if kind in QUOTED and (status is None or not 400 <= status < 500) else status
    return _build(candidate, error_status, kind, detail, None)


def host_error(
    candidate: Candidate, reason: str, *, status: int | None = None, late: bool = False
) -> UpstreamError:
    """Return the error for a missing or invalid response. `late`: the request's own deadline has passed."""
    return (AttemptDeadlineExceeded if late else UpstreamError)(
        f"{candidate.target.provider.title} {reason}",
        fault=Fault.HOST,
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
        upstream_status=status,
    )


def unsendable_error(candidate: Candidate, reason: str, kind: Fault) -> UpstreamError:
    """Return the error for a request that could not be built: the key or the catalog row is invalid."""
    return UpstreamError(
        f"{candidate.target.provider.title} cannot be called: {reason}",
        fault=kind,
        provider=candidate.target.provider.name,
        model=candidate.target.model.name,
    )


def stream_error(error: UpstreamError) -> UpstreamError:
    """Return the same failure, for a response that has started."""
    if isinstance(error, AttemptDeadlineExceeded):
        error.has_started = True
        return error
    broken = StreamBroken(
        str(error),
        fault=error.fault,
        provider=error.provider,
        model=error.model,
        upstream_status=error.upstream_status,
        retry_after=error.retry_after,
        param=error.param,
    )
    broken.details, broken.rpc_details, broken.fields = error.details, error.rpc_details, error.fields
    broken.upstream_request_id = error.upstream_request_id
    return broken


def transport_reason(error: Exception) -> str:
    """Return what happened to the connection, in words, from the classes on the exception's chain."""
    if isinstance(error, ProxyRefused | ProxyUnreachable):
        return f"is behind a proxy (HTTPS_PROXY) that {error}"
    chain = tuple(_chain(error))
    if any(isinstance(link, socket.gaierror) for link in chain):
        return "has a host name that does not resolve"
    if any(isinstance(link, ConnectionRefusedError) for link in chain):
        return "refused the connection"
    if any(isinstance(link, ssl.SSLError) for link in chain):
        return "failed the TLS handshake"
    if isinstance(error, ConnectFailed):
        return "could not be reached"
    return "closed the connection"


def parse_retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds to wait from `retry-after-ms`, or from `retry-after` (seconds or a date)."""
    millis = _number(headers.get("retry-after-ms"))
    if millis is not None:
        return min(millis / 1_000, MAX_WAIT)
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text is not None:
        try:
            seconds = max(parsedate_to_datetime(text).timestamp() - now, 0.0)
        except (ValueError, OverflowError, OSError):
            return None
    return None if seconds is None else min(seconds, MAX_WAIT)


def _build(
    candidate: Candidate, status: int | None, kind: Fault, detail: ErrorDetail, wait: float | None
) -> UpstreamError:
    provider, key = candidate.target.provider, candidate.credential.key
    is_quoted = kind in QUOTED
    if wait is None and detail.retry_after is not None and not is_quoted:
        wait = min(detail.retry_after, MAX_WAIT)
    status_text = f" ({status})" if status is not None else ""
    message = redact(detail.message, key) if is_quoted or kind in ENDED else ""
    if kind in ENDED:
        message = f"{provider.title} failed: {message}"
    error = UpstreamError(
        message or f"{provider.title} {_MESSAGES.get(kind, 'rejected the request')}{status_text}",
        fault=kind,
        provider=provider.name,
        model=candidate.target.model.name,
        upstream_status=status,
        retry_after=wait,
        param=_safe(_PARAM, detail.param, key) if is_quoted else None,
        code=TOO_LONG if kind is Fault.SIZE else _safe(_CODE, detail.code, key) if is_quoted else None,
    )
    if is_quoted and detail.details is not None:
        error.details = cast(Json, _redacted(detail.details, key))
    if is_quoted:
        error.fields = cast(Json, _redacted(detail.fields, key))
        error.rpc_details = [_redacted_rpc(each, key) for each in detail.rpc_details[:MAX_ITEMS]]
    elif kind is Fault.RATE:
        quotas = [each for each in detail.rpc_details if rpc_name(each) == QUOTA_FAILURE]
        error.rpc_details = [_quota(_redacted_rpc(each, key)) for each in quotas]
    error.upstream_request_id = _safe(_CODE, detail.request_id, key)
    return error


def _specific_code(detail: ErrorDetail) -> str | None:
    code = (detail.details or {}).get("error_code")
    return code if isinstance(code, str) else None


def _redacted_rpc(message: Json, key: str) -> Json:
    """Return a message of google.rpc, redacted and without the names of the operator's projects."""
    redacted = cast(Json, _redacted(message, key))
    metadata = redacted.get("metadata")
    if not isinstance(metadata, dict):
        return redacted
    shared = {name: value for name, value in metadata.items() if name not in OPERATOR_METADATA}
    return {**redacted, "metadata": shared}


def _quota(failure: Json) -> Json:
    """Return which quotas are exceeded. Their subject and description name the operator's project."""
    violations = failure.get("violations")
    quotas = [
        {name: each[name] for name in QUOTA_FIELDS if name in each}
        for each in (violations if isinstance(violations, list) else ())
        if isinstance(each, dict)
    ]
    return {"@type": failure["@type"], "violations": quotas}


def _redacted(value: object, key: str, depth: int = 0) -> object:
    """Return JSON with every text redacted, and without what is nested deeper than any real error."""
    match value:
        case _ if depth > MAX_DEPTH:
            return None
        case str():
            return redact(value, key)
        case list():
            return [_redacted(each, key, depth + 1) for each in value[:MAX_ITEMS]]
        case dict():
            fields = list(value.items())[:MAX_ITEMS]
            return {redact(str(name), key): _redacted(each, key, depth + 1) for name, each in fields}
        case _:
            return value


def _safe(grammar: re.Pattern[str], text: str | None, key: str) -> str | None:
    """Return a code or a path if it looks like one, else None: other text is not shown."""
    return text if text and grammar.fullmatch(text) and redact(text, key) == text else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes, members of groups included; 32 at most."""
    waiting, count = [error], 0
    while waiting and count < 32:
        link = waiting.pop()
        count += 1
        yield link
        waiting += [cause for cause in (link.__cause__, link.__context__) if cause is not None]
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions
