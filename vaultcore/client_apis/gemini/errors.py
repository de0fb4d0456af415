"""Errors in Google's form: https://cloud.google.com/apis/design/errors.

    {"error": {"code": 429, "message": "…", "status": "RESOURCE_EXHAUSTED", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", …},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "12s"}]}}

Google's SDKs read `code` and `status`, Gemini CLI also waits for `retryDelay`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from vaultcore.client_apis.json_text import dump
from vaultcore.errors import AttemptsExhausted, GatewayError, LimitExceeded, LimitShortage, whole_seconds
from vaultcore.streams.sse import Event
from vaultcore.wire import Json

STATUSES: Mapping[int, str] = {  # HTTP status -> the name of google.rpc.Code
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
SPECIFIC: Mapping[int, tuple[str, ...]] = {
    400: ("FAILED_PRECONDITION", "OUT_OF_RANGE"),
    409: ("ALREADY_EXISTS",),
}
TYPES = "type.googleapis.com/google.rpc."
DOMAIN = "vaultedge"
LASTING = ("insufficient_quota", "billing_error")  # types of errors that no wait ends


def render_error(error: GatewayError) -> Json:
    fields = {
        "code": error.status,
        "message": str(error),
        "status": _status(error),
        "details": _details(error),
    }
    return {"error": fields}


def render_stream_error(error: GatewayError) -> Event:
    return Event(dump(render_error(error)))


def _status(error: GatewayError) -> str:
    """Return the name of the status. A Gemini provider's own may be more specific than the HTTP status."""
    if error.status in SPECIFIC and error.code in SPECIFIC[error.status]:
        return error.code
    return STATUSES.get(error.status) or STATUSES[400 if error.status < 500 else 500]


def _details(error: GatewayError) -> list[Json]:
    """Return messages of google.rpc, one of each type: the provider's own before the gateway's."""
    own = [*_provider_details(error), *_gateway_details(error)]
    return list({str(detail["@type"]): detail for detail in reversed(own)}.values())[::-1]


def _provider_details(error: GatewayError) -> Sequence[Json]:
    """Return the details of the provider's error; of a rate limit everywhere, of the one that ends first."""
    if not isinstance(error, AttemptsExhausted):
        return error.rpc_details
    if error.status != LimitExceeded.status or not error.failures:
        return ()
    first = min(error.failures, key=lambda each: inf if each.retry_after is None else each.retry_after)
    return first.rpc_details


def _gateway_details(error: GatewayError) -> list[Json]:
    details = [_detail("ErrorInfo", reason=error.code.upper(), domain=DOMAIN, metadata={"type": error.type})]
    if error.param:
        violation = {"field": error.param, "description": str(error)}
        details.append(_detail("BadRequest", fieldViolations=[violation]))
    if error.shortage is not None:
        details.append(_quota_failure(error, error.shortage))
    if error.retry_after is not None:
        details.append(_detail("RetryInfo", retryDelay=f"{whole_seconds(error.retry_after)}s"))
    if isinstance(error, AttemptsExhausted):
        entries = [
            f"{each.provider}/{each.model}: {each.upstream_status} {each.fault.name.lower()}: {each}"
            for each in error.failures
        ]
        details.append(_detail("DebugInfo", stackEntries=entries, detail="failed attempts"))
    return details


def _quota_failure(error: GatewayError, shortage: LimitShortage) -> Json:
    """Return which limit refuses the request. Gemini CLI does not wait for a limit `PerDay`."""
    name = f"{shortage.level}_{shortage.limit}"
    violation = {
        "subject": shortage.level,
        "description": str(error),
        "quotaMetric": shortage.limit,
        "quotaId": f"{name}_PerDay" if error.type in LASTING else name,
        "quotaValue": str(shortage.most),
    }
    return _detail("QuotaFailure", violations=[violation])


def _detail(kind: str, **fields: object) -> Json:
    return {"@type": TYPES + kind, **fields}
