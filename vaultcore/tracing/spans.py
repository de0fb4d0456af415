"""A request and its attempts as OpenTelemetry spans in OTLP JSON: ids, counts and times, never content.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from vaultcore.call import Call
from vaultcore.errors import UpstreamError
from vaultcore.money import PER_DOLLAR
from vaultcore.routing.attempts import Attempt
from vaultcore.telemetry import Trace, redact
from vaultcore.tracing.http_request import HttpRequest
from vaultcore.tracing.request_metrics import classify_error
from vaultcore.wire import Json, Usage

SERVER, CLIENT = 2, 3  # SpanKind
ERROR = 2  # StatusCode
MAX_NAME = 200  # characters of a model name

Value = str | int | float | bool | None


def build_spans(request: HttpRequest, trace: Trace) -> list[Json]:
    """Return one span for the request and one for each of its attempts."""
    call = request.call
    result = [_request_span(request, trace, call)]
    if call is not None:
        result += [_attempt_span(call, trace, number) for number in range(1, len(call.outcome.attempts) + 1)]
    return result


def _request_span(request: HttpRequest, trace: Trace, call: Call | None) -> Json:
    status = call.outcome.status if call is not None and call.outcome.status else request.status
    error = classify_error(status, call)
    attributes: dict[str, Value] = {
        "http.request.method": request.method,
        "http.response.status_code": request.status or None,
        "error.type": error,
        "vaultedge.request_id": request.id,
    }
    name = request.method
    if call is not None:
        # Only API endpoints have a call. Other paths may be any text, which must not become a span name.
        name = f"{request.method} {request.path}"
        attributes |= {
            "http.route": request.path,
            **_call_attributes(call),
            **_usage(call.outcome.total_usage),
        }
        cost = call.outcome.total_cost
        attributes["vaultedge.cost_usd"] = None if cost is None else cost / PER_DOLLAR
    # By the conventions, a 4xx status is not an error of the server's span.
    is_server_error = status >= 500 or (status < 400 and error is not None)
    return {
        "traceId": trace.id,
        "spanId": trace.span_id(),
        **({"parentSpanId": trace.parent} if trace.parent else {}),
        "name": name,
        "kind": SERVER,
        "startTimeUnixNano": _nanos(request.started),
        "endTimeUnixNano": _nanos(max(request.ended, request.started)),
        "attributes": _attributes(attributes),
        "status": {"code": ERROR} if is_server_error else {},
    }


def _call_attributes(call: Call) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": call.operation,
        "vaultedge.attempts": len(call.outcome.attempts),
    }
    if call.outcome.attempts:  # without an attempt, the model name may be any text
        attributes["gen_ai.request.model"] = _redact_name(call.model)
    return attributes


def _attempt_span(call: Call, trace: Trace, number: int) -> Json:
    attempt = call.outcome.attempts[number - 1]
    target, error = attempt.candidate.target, attempt.error
    address = urlsplit(target.provider.base_url)
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": call.operation,
        "gen_ai.provider.name": target.provider.telemetry_name,
        "gen_ai.request.model": _redact_name(target.model.name),
        "gen_ai.response.model": _redact_name(attempt.response_model),
        "server.address": address.hostname,
        "server.port": address.port or (443 if address.scheme == "https" else 80),
        "error.type": _error_type(error) if error is not None else None,
        "vaultedge.upstream_status": error.upstream_status if error is not None else None,
        "vaultedge.upstream_request_id": attempt.upstream_request_id,
    }
    if error is None and number == len(call.outcome.attempts):
        attributes |= _usage(call.outcome.usage)
    return {
        "traceId": trace.id,
        "spanId": trace.span_id(number),
        "parentSpanId": trace.span_id(),
        "name": f"{call.operation} {_redact_name(target.model.name)}",
        "kind": CLIENT,
        "startTimeUnixNano": _nanos(attempt.started),
        "endTimeUnixNano": _nanos(attempt.started + _seconds(attempt)),
        "attributes": _attributes(attributes),
        "status": {"code": ERROR} if error is not None else {},
    }


def _error_type(error: UpstreamError) -> str:
    """Return the upstream status as text, or the name of the fault if there was no response."""
    return str(error.upstream_status or error.fault.name.lower())


def _seconds(attempt: Attempt) -> float:
    return max(attempt.seconds, 0.0)


def _usage(usage: Usage | None) -> dict[str, Value]:
    counts = usage or {}
    return {
        "gen_ai.usage.input_tokens": counts.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": counts.get("completion_tokens"),
    }


def _redact_name(text: str | None) -> str | None:
    return None if text is None else redact(text, limit=MAX_NAME)


def _nanos(seconds: float) -> str:
    return str(int(seconds * 1_000_000) * 1_000)  # OTLP JSON encodes 64-bit integers as strings


def _attributes(attributes: Mapping[str, Value]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items() if value is not None]


def _value(value: str | float | bool) -> Json:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": value}
