"""A request and its attempts as OpenTelemetry spans, in OTLP's JSON: ids, counts and times, never a text.

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
from vaultcore.tracing.request_metrics import failure
from vaultcore.wire import Json, Usage

SERVER, CLIENT = 2, 3
ERROR = 2
LONGEST = 200  # characters of a name that somebody else chose

# What the conventions call some providers; the others go by their names in the catalog.
PROVIDERS: Mapping[str, str] = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "cohere-compat": "cohere",
    "gemini": "gcp.gemini",
    "gemini-compat": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshot": "moonshot_ai",
    "xai": "x_ai",
}
OPERATIONS: Mapping[str, str] = {  # by the end of a path
    "embeddings": "embeddings",
    "generations": "generate_content",
}

Value = str | int | float | bool | None


def spans(visit: HttpRequest, trace: Trace) -> list[Json]:
    """One span for the request, and one for each of its attempts."""
    call = visit.call
    made = [_request(visit, trace, call)]
    if call is not None:
        made += [_attempt(call, trace, number) for number in range(1, len(call.attempts) + 1)]
    return made


def operation(path: str) -> str:
    """The conventions' word for what an endpoint does."""
    return OPERATIONS.get(path.rpartition("/")[2], "chat")


def _request(visit: HttpRequest, trace: Trace, call: Call | None) -> Json:
    status = call.status if call is not None and call.status else visit.status
    error = failure(status, call)
    told: dict[str, Value] = {
        "http.request.method": visit.method,
        "http.response.status_code": visit.status or None,
        "error.type": error,
        "vaultedge.request_id": visit.id,
    }
    name = visit.method
    if call is not None:
        name = f"{visit.method} {visit.path}"  # one of a few: a call has come in
        told |= {"http.route": visit.path, **_asked(call), **_usage(call.usage)}
        told["vaultedge.cost_usd"] = None if call.cost is None else call.cost / PER_DOLLAR
    ours = status >= 500 or (status < 400 and error is not None)  # the conventions: a 4xx is the client's
    return {
        "traceId": trace.id,
        "spanId": trace.name(),
        **({"parentSpanId": trace.parent} if trace.parent else {}),
        "name": name,
        "kind": SERVER,
        "startTimeUnixNano": _nanos(visit.started),
        "endTimeUnixNano": _nanos(max(visit.ended, visit.started)),
        "attributes": _attributes(told),
        "status": {"code": ERROR} if ours else {},
    }


def _asked(call: Call) -> dict[str, Value]:
    told: dict[str, Value] = {
        "gen_ai.operation.name": operation(call.path),
        "vaultedge.attempts": len(call.attempts),
    }
    if call.attempts:  # a model that nobody knows may be any text
        told["gen_ai.request.model"] = _name(call.model)
    return told


def _attempt(call: Call, trace: Trace, number: int) -> Json:
    attempt = call.attempts[number - 1]
    target, error = attempt.candidate.target, attempt.error
    place = urlsplit(target.provider.base_url)
    doing = operation(call.path)
    told: dict[str, Value] = {
        "gen_ai.operation.name": doing,
        "gen_ai.provider.name": PROVIDERS.get(target.provider.name, target.provider.name),
        "gen_ai.request.model": _name(target.model.name),
        "gen_ai.response.model": _name(attempt.answered),
        "server.address": place.hostname,
        "server.port": place.port or (443 if place.scheme == "https" else 80),
        "error.type": _kind(error) if error is not None else None,
        "vaultedge.upstream_status": error.upstream_status if error is not None else None,
        "vaultedge.upstream_request_id": attempt.trace,
    }
    if error is None and number == len(call.attempts):
        told |= _usage(call.usage)
    return {
        "traceId": trace.id,
        "spanId": trace.name(number),
        "parentSpanId": trace.name(),
        "name": f"{doing} {_name(target.model.name)}",
        "kind": CLIENT,
        "startTimeUnixNano": _nanos(attempt.started),
        "endTimeUnixNano": _nanos(attempt.started + _seconds(attempt)),
        "attributes": _attributes(told),
        "status": {"code": ERROR} if error is not None else {},
    }


def _kind(error: UpstreamError) -> str:
    """As the conventions have it: the status where there was one, else a word of ours."""
    return str(error.upstream_status or error.fault.name.lower())


def _seconds(attempt: Attempt) -> float:
    return max(attempt.seconds, 0.0)


def _usage(usage: Usage | None) -> dict[str, Value]:
    told = usage or {}
    return {
        "gen_ai.usage.input_tokens": told.get("prompt_tokens"),
        "gen_ai.usage.output_tokens": told.get("completion_tokens"),
    }


def _name(text: str | None) -> str | None:
    return None if text is None else redact(text, limit=LONGEST)


def _nanos(seconds: float) -> str:
    return str(int(seconds * 1_000_000) * 1_000)  # 64 bits are a string in OTLP's JSON


def _attributes(told: Mapping[str, Value]) -> list[Json]:
    return [{"key": key, "value": _value(value)} for key, value in told.items() if value is not None]


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
