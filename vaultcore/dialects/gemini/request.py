"""A chat request as a generateContent request: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import quote

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, Rendered
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.gemini.config import CONFIGURED, render_config
from vaultcore.dialects.gemini.generation import generation
from vaultcore.dialects.gemini.tools import render_tools
from vaultcore.dialects.gemini.turns import render_contents, render_system
from vaultcore.dialects.unsupported_fields import unplaced
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

RENDERED = {
    *CONFIGURED,
    *("model", "messages", "tools", "tool_choice", "parallel_tool_calls", "web_search_options"),
    *("stream", "stream_options", "service_tier"),
}
NATIVE = {  # the API's own fields, as its own clients and others spell them
    "safety_settings": "safetySettings",
    "safetySettings": "safetySettings",
    "cached_content": "cachedContent",
    "cachedContent": "cachedContent",
}
TIERS = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}
UNCACHED = "Gemini marks no prefixes to cache"
UNPLACED = "Gemini has no place for it"
OF_MESSAGES = {
    "cache_control": UNCACHED,
    "audio": UNPLACED,
    "thinking_blocks": "signed by somebody else",
}
OF_PARTS = {"cache_control": UNCACHED, "prompt_cache_breakpoint": UNCACHED, "file.filename": UNPLACED}
MODEL = re.compile(r"[\w.:@ -]+", re.ASCII)


def render_path(request: ChatRequest, target: Target) -> str:
    verb = "streamGenerateContent?alt=sse" if request.get("stream") else "generateContent"
    return f"/models/{_model(target.model.name)}:{verb}"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    changes, made = list[Change](), generation(target.model.name)
    asked = cast(Json, {name: value for name, value in request.items() if value is not None})
    messages = request["messages"]
    system, start = render_system(messages, changes)
    prefill = target.model.capabilities.prefill is not False
    contents = render_contents(messages, start, changes, made=made, prefill=prefill)
    tools = render_tools(cast(ChatRequest, asked), made, changes)
    config = render_config(asked, target, system, changes, called=bool(tools.functions))
    body: Json = {"contents": contents}
    if system:
        body["systemInstruction"] = {"parts": system}
    body.update(tools.body)
    if config:
        body["generationConfig"] = config
    if tier := _tier(asked, changes):
        body["serviceTier"] = tier
    for name, value in asked.items():
        if name in NATIVE:
            body[NATIVE[name]] = value
        elif name not in RENDERED and not neutral(name, value):
            changes.append(Change(name, "dropped", f"{target.provider.title} has no such parameter"))
    changes += _unplaced(asked)
    if "cachedContent" in body:
        _settle_cached(body)
    return Rendered(body, tuple(changes))


def _unplaced(asked: Json) -> list[Change]:
    """What stands inside messages and tools and goes nowhere; nothing does in most conversations."""
    told = list[Change]()
    told += unplaced(asked, UNCACHED, "tools.cache_control", "tools.function.cache_control")
    told += unplaced(asked, UNPLACED, "stream_options.include_obfuscation")
    for field, reason in OF_MESSAGES.items():
        if any(each.get(field) for each in asked["messages"]):
            told += unplaced(asked, reason, f"messages.{field}")
    if any(isinstance(each.get("content"), list) for each in asked["messages"]):
        for field, reason in OF_PARTS.items():
            told += unplaced(asked, reason, f"messages.content.{field}")
    return told


def _model(name: str) -> str:
    """The model's name as one segment of a path: it leads nowhere else."""
    plain = name.removeprefix("models/")
    if not MODEL.fullmatch(plain) or ".." in plain:
        raise InvalidRequest("the model's name cannot stand in a path", param="model")
    return quote(plain, safe="")


def _settle_cached(body: Json) -> None:
    """What is cached holds the instructions and the tools: neither can be said beside it."""
    for name, param in (("systemInstruction", "messages"), ("tools", "tools")):
        if name in body:
            raise InvalidRequest(f"cached_content and {param} of one's own exclude each other", param=param)


def _tier(asked: Json, changes: list[Change]) -> str | None:
    told = asked.get("service_tier")
    if told is None or told == "auto":
        return None
    if isinstance(told, str) and told in TIERS:
        return TIERS[told]
    changes.append(Change("service_tier", "dropped", "no such tier"))
    return None
