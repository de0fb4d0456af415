"""A chat request as a generateContent request: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, RenderedRequest
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.gemini.conversation import render_contents, render_system
from vaultcore.dialects.gemini.generation_config import CONFIG_FIELDS, render_config
from vaultcore.dialects.gemini.model_generation import parse_generation
from vaultcore.dialects.gemini.tools import render_tools
from vaultcore.dialects.unsupported_fields import report_unsupported
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiRequest

RENDERED = {  # fields that the functions below render; every other field is reported
    *CONFIG_FIELDS,
    *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "web_search_options"),
    *("stream", "stream_options", "service_tier"),
}
NATIVE = {  # Gemini's own fields, in the spellings of its clients, passed through unchanged
    "safety_settings": "safetySettings",
    "safetySettings": "safetySettings",
    "cached_content": "cachedContent",
    "cachedContent": "cachedContent",
}
SERVICE_TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}
NO_BREAKPOINTS = "Gemini has no cache breakpoints"
NO_FIELD = "Gemini has no such field"
MESSAGE_FIELDS = {  # unsupported fields of a message -> reason
    "cache_control": NO_BREAKPOINTS,
    "audio": NO_FIELD,
    "thinking_blocks": "another provider signed the reasoning",
}
PART_FIELDS = {  # unsupported fields of a content part -> reason
    "cache_control": NO_BREAKPOINTS,
    "prompt_cache_breakpoint": NO_BREAKPOINTS,
    "file.filename": NO_FIELD,
}
MODEL = re.compile(r"[\w.:@ -]+", re.ASCII)


def render_path(request: ChatRequest, target: Target) -> str:
    verb = "streamGenerateContent?alt=sse" if request.get("stream") else "generateContent"
    return f"/models/{_escape_model(target.model.name)}:{verb}"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the generateContent request. Raise InvalidRequest if Gemini cannot express the request."""
    changes, generation = list[Change](), parse_generation(target.model.name)
    fields = cast(Json, {name: value for name, value in request.items() if value is not None})
    messages = request["messages"]
    system, start = render_system(messages, changes)
    prefill = target.model.capabilities.prefill is not False
    contents = render_contents(messages, start, changes, generation=generation, prefill=prefill)
    tools = render_tools(cast(ChatRequest, fields), generation, changes)
    config = render_config(fields, target, system, changes, has_functions=bool(tools.functions))
    body: GeminiRequest = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    body.update(tools.body)
    if config:
        body["generationConfig"] = config
    if service_tier := _render_service_tier(fields, changes):
        body["serviceTier"] = service_tier
    rendered = cast(Json, body)
    for name, value in fields.items():
        if name in NATIVE:
            rendered[NATIVE[name]] = value
        elif name not in RENDERED and not is_default(name, value):
            reason = f"{target.provider.title} has no such parameter"
            changes.append(Change(name, "dropped", reason))
    changes += _report_fields(fields)
    if "cachedContent" in body:
        _check_cached(body)
    return RenderedRequest(rendered, tuple(changes))


def _report_fields(fields: Json) -> list[Change]:
    """Return the unsupported fields inside messages and tools. Most conversations have none of them."""
    changes = list[Change]()
    changes += report_unsupported(
        fields, NO_BREAKPOINTS, "tools.cache_control", "tools.function.cache_control"
    )
    changes += report_unsupported(fields, NO_FIELD, "stream_options.include_obfuscation")
    for field, reason in MESSAGE_FIELDS.items():
        if any(message.get(field) for message in fields["messages"]):
            changes += report_unsupported(fields, reason, f"messages.{field}")
    if any(isinstance(message.get("content"), list) for message in fields["messages"]):
        for field, reason in PART_FIELDS.items():
            changes += report_unsupported(fields, reason, f"messages.content.{field}")
    return changes


def _escape_model(name: str) -> str:
    """Return the model's name as one path segment. Raise InvalidRequest if it could change the path."""
    model = name.removeprefix("models/")
    if not MODEL.fullmatch(model) or ".." in model:
        raise InvalidRequest("the model name has characters that a path cannot contain", param="model")
    return quote(model, safe="")


def _check_cached(body: GeminiRequest) -> None:
    """Raise InvalidRequest if the request repeats what its cached content already contains."""
    for name, param in (("systemInstruction", "messages"), ("tools", "tools")):
        if name in body:
            message = f"cached_content contains {param}: remove them from the request"
            raise InvalidRequest(message, param=param)


def _render_service_tier(fields: Json, changes: list[Change]) -> str | None:
    tier = fields.get("service_tier")
    if tier is None or tier == "auto":
        return None
    if isinstance(tier, str) and tier in SERVICE_TIERS:
        return SERVICE_TIERS[tier]
    changes.append(Change("service_tier", "dropped", "Gemini has no such service tier"))
    return None
