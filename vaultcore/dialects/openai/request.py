"""Renders chat-completion requests: https://platform.openai.com/docs/api-reference/chat/create.

Nearly the identity. The provider's catalog row names the fields that it renames, rejects or needs by
default. In its column `drop`, `messages.name` means the field `name` of every message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Provider, Target
from vaultcore.dialects import Change, RenderedRequest, quirks, vendor_fields
from vaultcore.dialects.cache_marks import add_auto_marks, mark_last_message
from vaultcore.dialects.call_pairing import drop_repeated_results, move_media_from_results
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.max_tokens import clamp_max_tokens
from vaultcore.dialects.tools import drop_lone_tool_fields, fill_parameters
from vaultcore.dialects.web_search import without_filters
from vaultcore.errors import InvalidRequest
from vaultcore.plain_request import is_plain
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.openai.wire import OpenAIRequest

OPAQUE_FIELDS = ("thinking_blocks",)  # of messages: signed by providers with other dialects
MESSAGE_PREFIX = "messages."
FILE_NAME = "document.pdf"  # of files without one, which OpenAI rejects


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the protocol's signature
    return "/chat/completions"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the request as the provider accepts it. Raise InvalidRequest if it cannot express it."""
    provider, changes = target.provider, list[Change]()
    if "cache_control" in provider.keeps:
        request = mark_last_message(add_auto_marks(request, target, changes))
    has_texts_only = is_plain(request)
    body = cast(Json, _openai_request(request, target.model.name, changes))
    clamp_max_tokens(body, target.model, changes)
    if not has_texts_only:
        _adapt_tools(body, target, changes)
    if not provider.rename.keys().isdisjoint(body):
        for name in [name for name in body if name in provider.rename]:
            _rename(body, name, provider.rename[name], changes)
    _drop(body, request, provider, changes)
    for name, value in provider.defaults.items():
        if name not in body:
            body[name] = value
            changes.append(Change(name, "injected", f"{provider.title} needs it"))
    if not has_texts_only:
        _adapt_messages(body, provider, changes)
        vendor_fields.remove_vendor_fields(body, provider, changes)
    quirks.apply_quirks(body, target, changes)
    if provider.flat_schema:
        _flatten_schema(body)
    return RenderedRequest(body, tuple(changes))


def _adapt_tools(body: Json, target: Target, changes: list[Change]) -> None:
    """Complete the tools of a request; remove fields about tools that it does not have, in place."""
    fill_parameters(body)
    parallel = body.get("parallel_tool_calls")
    drop_lone_tool_fields(body, changes)
    if target.provider.parallel_without_tools and parallel is not None:
        body["parallel_tool_calls"] = parallel
    _drop_web_search(body, target, changes)


def _openai_request(request: ChatRequest, model: str, changes: list[Change]) -> OpenAIRequest:
    """Return the request in OpenAI's own format, before the differences of the provider's row."""
    body = cast("OpenAIRequest", {name: value for name, value in request.items() if value is not None})
    body["model"] = model
    if "max_tokens" in body and "max_completion_tokens" in body:
        _merge_max_tokens(body, changes)
    if body.get("stream"):
        options = body.get("stream_options")
        body["stream_options"] = {**(options if isinstance(options, dict) else {}), "include_usage": True}
    else:
        body.pop("stream_options", None)
    return body


def _flatten_schema(body: Json) -> None:
    """Put the schema of a response format beside its type, where some providers expect it."""
    match body.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **options}}:
            described = {"description": options["description"]} if options.get("description") else {}
            body["response_format"] = {"type": "json_schema", "schema": {**described, **schema}}


def _merge_max_tokens(body: OpenAIRequest, changes: list[Change]) -> None:
    if body["max_tokens"] != body["max_completion_tokens"]:
        changes.append(Change("max_tokens", "dropped", "max_completion_tokens takes precedence"))
    del body["max_tokens"]


def _drop_web_search(body: Json, target: Target, changes: list[Change]) -> None:
    """Remove `web_search_options` unless the model is known to take it: OpenAI rejects it with the others."""
    if "web_search_options" not in body:
        return
    if not target.takes_web_search:
        del body["web_search_options"]
        reason = f"{target.model.name} is not known to search the web"
        changes.append(Change("web_search_options", "dropped", reason))
        return
    body["web_search_options"] = without_filters(body["web_search_options"], changes)


def _rename(body: Json, name: str, new_name: str, changes: list[Change]) -> None:
    if new_name in body:
        changes.append(Change(name, "dropped", f"{new_name} takes precedence"))
        del body[name]
        return
    renamed = {new_name if key == name else key: value for key, value in body.items()}
    body.clear()
    body.update(renamed)
    changes.append(Change(name, "renamed", f"the provider's name is {new_name}"))


def _drop(body: Json, request: Mapping[str, object], provider: Provider, changes: list[Change]) -> None:
    for name in getattr(request, "hints", ()):  # see GoogleRequest
        if name in body and (provider.reasoning is None or name != "thinking"):
            del body[name]
            changes.append(Change(name, "dropped", f"{provider.title} is not known to accept it"))
    if provider.drop.isdisjoint(body):
        return
    client_names = {renamed: name for name, renamed in provider.rename.items() if name in request}
    for renamed in [name for name in body if name in provider.drop]:
        name, value = client_names.get(renamed, renamed), body.pop(renamed)
        if name == "n" and not is_default(name, value):
            raise InvalidRequest(f"n must be 1: {provider.title} returns one choice per request", param="n")
        if name in request and not is_default(name, value):
            changes.append(Change(name, "dropped", f"{provider.title} does not accept it"))


def _adapt_messages(body: Json, provider: Provider, changes: list[Change]) -> None:
    """Remove from every message the fields that the provider rejects."""
    rejected = _rejected_fields(tuple(provider.drop))
    single = drop_repeated_results(body.get("messages") or [], changes)
    messages = cast("list[Json]", move_media_from_results(single, changes))
    messages = [
        message if type(message.get("content")) is str else _complete_parts(message) for message in messages
    ]
    body["messages"] = messages
    if not [message for message in messages if not rejected.isdisjoint(message)]:
        return
    cleaned = []
    for i, message in enumerate(messages):
        names = [name for name in message if name in rejected and message[name]]
        reason = f"{provider.title} does not accept it"
        changes.extend(Change(f"messages[{i}].{name}", "dropped", reason) for name in names)
        cleaned.append({name: value for name, value in message.items() if name not in rejected})
    body["messages"] = cleaned


@lru_cache(1_024)  # one entry per provider
def _rejected_fields(drop: tuple[str, ...]) -> frozenset[str]:
    """Return the fields of messages in a provider's column `drop`."""
    names = [name.removeprefix(MESSAGE_PREFIX) for name in drop if name.startswith(MESSAGE_PREFIX)]
    return frozenset((*names, *OPAQUE_FIELDS))


def _complete_parts(message: Json) -> Json:
    """Return the message with image URLs as objects and with names of files, as OpenAI requires.

    Some clients send bare URLs; other client APIs have files without names.
    """
    content = message.get("content")
    if not isinstance(content, list) or not any(_has_bare_url(part) or _is_unnamed(part) for part in content):
        return message
    return {**message, "content": [_complete_part(part) for part in content]}


def _complete_part(part: Json) -> Json:
    if _has_bare_url(part):
        return {**part, "image_url": {"url": part["image_url"]}}
    return {**part, "file": {"filename": FILE_NAME, **part["file"]}} if _is_unnamed(part) else part


def _has_bare_url(part: Json) -> bool:
    return part.get("type") == "image_url" and isinstance(part.get("image_url"), str)


def _is_unnamed(part: Json) -> bool:
    match part:
        case {"type": "file", "file": {"file_data": str(), **others}}:
            return "filename" not in others
        case _:
            return False
