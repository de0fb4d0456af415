"""Reads the fields of a provider's error that say more than its message and code.

    Google     "details": [{"@type": "….google.rpc.BadRequest", "fieldViolations": [...]}, ...]
    Anthropic  "details": {"error_code": "thread_not_found", ...}
    FastAPI    "detail": [{"loc": ["body", "messages", 0, "content"], "msg": "field required"}]
    Azure      "innererror": {"content_filter_result": {...}}
    Groq       "failed_generation": "..."

Messages of google.rpc are defined in https://cloud.google.com/apis/design/errors#error_payloads.
"""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.wire import Json

RPC = "google.rpc."
LISTS = ("detail", "details", "errors")  # fields with validation errors
SOURCES = ("body", "query", "path", "header")  # first item of a location
# Fields of an error that are read elsewhere, or that the gateway writes itself.
READ = frozenset(
    {
        *("message", "msg", "status_msg", "detail", "details", "error_description", "title", "reason"),
        *("type", "code", "param", "status", "status_code", "object", "attempts"),
    }
)


def parse_param(error: Mapping[str, object]) -> str | None:
    """Return the request field at fault, as the provider names it, from another field than `param`."""
    for message in parse_rpc_details(error):
        match message.get("fieldViolations"):
            case [{"field": str(field)}, *_] if field:
                return field
    for name in LISTS:
        match error.get(name):
            case [{"loc": [_, *_] as location}, *_]:
                return _join(location)
    return None


def parse_rpc_details(error: Mapping[str, object]) -> tuple[Json, ...]:
    """Return the messages of google.rpc in an error's details."""
    details = error.get("details")
    entries = details if isinstance(details, list) else ()
    return tuple(each for each in entries if isinstance(each, dict) and rpc_name(each))


def rpc_name(message: Mapping[str, object]) -> str:
    """Return the name of a message of google.rpc, such as `ErrorInfo`, or "".

    >>> rpc_name({"@type": "type.googleapis.com/google.rpc.ErrorInfo"})
    'ErrorInfo'
    """
    return str(message.get("@type")).partition(RPC)[2]


def further_fields(error: Mapping[str, object]) -> Json:
    """Return the fields of an error that no other function reads."""
    return {name: value for name, value in error.items() if name not in READ and value not in (None, {}, [])}


def _join(location: list[object]) -> str | None:
    """Return a location as a path.

    >>> _join(["body", "messages", 0, "content"])
    'messages[0].content'
    """
    steps = location[1:] if location[0] in SOURCES else location
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return path.removeprefix(".") or None
