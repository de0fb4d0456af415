"""A Messages request for a provider with another API.

An Anthropic provider gets the client's own body. Any other gets the chat request with what depends on the
target: the form of thinking, and the context edits that Anthropic would do itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import forwarded_headers
from vaultcore.client_apis.messages.compaction import find_compaction
from vaultcore.client_apis.messages.context_edits import apply_edits
from vaultcore.client_apis.messages.known_fields import find_unknown_cost
from vaultcore.client_apis.messages.opaque_state import remove_packed
from vaultcore.client_apis.messages.parts import object_or_empty
from vaultcore.client_apis.messages.request import ParsedRequest, parse_body
from vaultcore.dialects import Change, NativeRequest, Translation, load_dialect
from vaultcore.dialects.reasoning_effort import (
    overruled_fields,
    parse_reasoning,
    report_display,
    report_overruled,
)
from vaultcore.errors import ConversationElsewhere
from vaultcore.wire import ChatRequest, Json

NATIVE = "anthropic"
BETA = "anthropic-beta"
HEADERS = ("anthropic-*",)
NAMES: Mapping[str, str] = {  # field of the chat request -> the client's field
    "reasoning_effort": "output_config.effort",
    "reasoning": "output_config.effort",
    "response_format": "output_config.format",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
    "max_completion_tokens": "max_tokens",
}
RESULT_FIELDS = (".is_error",)  # of a tool message, whose path is that of its block
_FIELD = re.compile(r"\w+")
_ITEM = re.compile(r"(messages|tools)\[(\d+)\](.*)", re.DOTALL)


def native_request(body: Json, headers: Mapping[str, str]) -> NativeRequest:
    """Return the client's own body and headers for an Anthropic provider.

    `translate` makes the request for any other provider.
    """
    forwarded = forwarded_headers(HEADERS, headers)
    return NativeRequest(
        NATIVE,
        remove_packed(body),
        forwarded,
        is_continuation=object_or_empty(body.get("thread")).get("type") == "continue",
        accepts_notes=True,
        unknown_cost=find_unknown_cost(body, forwarded.get(BETA)),
        translate=partial(translate, body, forwarded.get(BETA)),
        promises_schemas=True,
    )


def translate(body: Json, betas: str | None, request: ChatRequest, target: Target) -> Translation:
    """Return the request for a target of another dialect. `request` is the parsed one, as admitted.

    Raises ConversationElsewhere for a thread: only Anthropic holds it.
    """
    if body.get("thread"):
        message = f"{target.provider.title} holds no threads: send the whole conversation"
        raise ConversationElsewhere(message, param="thread", features=("thread",))
    parsed = parse_body(body)
    changes = list(parsed.changes)
    if betas:
        changes.append(Change(BETA, "dropped", "only Anthropic has these betas", was=betas))
    config, fields = body.get("context_management"), dict[str, object]()
    if config is not None:
        request, applied = apply_edits(request, config, changes)
        fields["context_management"] = {"applied_edits": applied}
    if not (target.provider.reasoning or load_dialect(target.dialect).reads_thinking):
        request = _effort_only(request, changes)
    compaction = find_compaction(body, request, changes)
    return Translation(request, tuple(changes), partial(_restore_path, parsed), fields, compaction)


def _effort_only(request: ChatRequest, changes: list[Change]) -> ChatRequest:
    """Return the request with an effort in place of `thinking`, which the provider is not known to read."""
    fields = cast(Json, request)
    if "thinking" not in fields:
        return request
    changes += [replace(change, path=NAMES[change.path]) for change in report_overruled(fields)]
    changes += report_display(fields)
    dropped = {"thinking", *overruled_fields(fields)}
    plain = {name: value for name, value in fields.items() if name not in dropped}
    requested = parse_reasoning(fields)
    if requested is None or requested.is_off:
        reason = "no reasoning is requested; a model that always reasons still does"
        changes.append(Change("thinking", "emulated", reason))
        return cast(ChatRequest, plain)
    if "reasoning_effort" not in plain:
        changes.append(Change("thinking", "emulated", "sent as an effort", requested.budget, requested.level))
    return cast(ChatRequest, {"reasoning_effort": requested.level, **plain})


def _restore_path(parsed: ParsedRequest, path: str) -> str:
    """Return a path of the chat request as one of the client's body.

    Parts of a message have no path of their own: the blocks that they came from are in its content.
    """
    if match := _ITEM.fullmatch(path):
        kind, index, rest = match[1], int(match[2]), match[3]
        paths = parsed.message_paths if kind == "messages" else parsed.tool_paths
        if index >= len(paths):
            return path
        return paths[index] + (
            _tool_field(rest) if kind == "tools" else rest if rest in RESULT_FIELDS else ""
        )
    field = _FIELD.match(path)
    if field is None:
        return path
    if field[0] == "web_search_options":
        return parsed.web_search_path
    return NAMES.get(field[0], path)


def _tool_field(rest: str) -> str:
    field = rest.removeprefix(".function").split(".")[-1] if rest else ""
    return ".input_schema" if ".parameters" in rest else f".{field}" if field else ""
