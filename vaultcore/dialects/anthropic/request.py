"""A chat request as a Messages request: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Capabilities, Target
from vaultcore.dialects import Change, RenderedRequest
from vaultcore.dialects.anthropic.cache_control import limit_breakpoints
from vaultcore.dialects.anthropic.conversation import render_conversation
from vaultcore.dialects.anthropic.json_schema import close_schema
from vaultcore.dialects.anthropic.parts import render_text
from vaultcore.dialects.anthropic.reasoning import (
    AnthropicReasoning,
    accepts_sampling,
    render_reasoning,
)
from vaultcore.dialects.anthropic.tools import render_tools
from vaultcore.dialects.anthropic.web_search import add_search
from vaultcore.dialects.cache_marks import add_auto_marks
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.prompts import JSON_ONLY
from vaultcore.dialects.unsupported_fields import report_unsigned_reasoning, report_unsupported
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.anthropic.wire import (
        AnthropicMessage,
        AnthropicMetadata,
        AnthropicOutputConfig,
        AnthropicRequest,
        AnthropicText,
    )

DEFAULT_MAX_TOKENS = 4_096  # the API has no default
RENDERED = {  # fields that the functions below render; every other field is reported
    *("model", "messages", "max_tokens", "max_completion_tokens", "tools", "tool_choice"),
    *("parallel_tool_calls", "thinking", "reasoning", "reasoning_effort", "response_format"),
    *("temperature", "top_p", "top_k", "stop", "stream", "stream_options", "user", "safety_identifier"),
    *("metadata", "service_tier", "cache_control", "n", "web_search_options"),
}
SERVICE_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
PERSONAL_DATA = re.compile(r".*@.*|\+?[\d\s().-]{7,}")  # an e-mail address or a telephone number
MAX_USER = 512  # characters of metadata.user_id
UNSUPPORTED_FIELDS = ("messages.name", "messages.audio", "stream_options.include_obfuscation")


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - parameters of the protocol
    return "/messages"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the Messages request. Raise InvalidRequest if Anthropic cannot express the request."""
    capabilities, changes = target.model.capabilities, list[Change]()
    request = add_auto_marks(request, target, changes)
    fields = cast(Json, {name: value for name, value in request.items() if value is not None})
    if not is_default("n", fields.get("n")):
        raise InvalidRequest(f"{target.provider.title} returns one choice: n must be 1", param="n")
    max_tokens = _render_max_tokens(fields, target, changes)
    system, messages = render_conversation(
        request["messages"],
        changes,
        system_role=capabilities.mid_conversation_system is True,
        prefill=capabilities.prefill is not False,
    )
    reasoning = render_reasoning(fields, capabilities, max_tokens, changes)
    reasoning = _drop_unmatched_budget(fields, reasoning, messages, changes)
    tools = render_tools(request, capabilities, changes, is_reasoning=reasoning.is_enabled, messages=messages)
    add_search(tools, fields.get("web_search_options"), target, changes)
    output_config = _render_output_config(fields, capabilities, reasoning, system, changes)
    if tools.instruction:
        system.append(render_text(tools.instruction))
    body: AnthropicRequest = {"model": target.model.name, "max_tokens": max_tokens}
    if system:
        body["system"] = system
    body["messages"] = messages
    if tools.tools:
        body["tools"] = tools.tools
    if tools.choice:
        body["tool_choice"] = tools.choice
    if reasoning.config:
        body["thinking"] = reasoning.config
    if output_config:
        body["output_config"] = output_config
    _render_sampling(body, fields, capabilities, reasoning, changes)
    _render_options(body, fields, changes)
    _report_dropped(fields, target.provider.title, changes)
    return RenderedRequest(limit_breakpoints(cast(Json, body), changes), tuple(changes))


def _report_dropped(fields: Json, title: str, changes: list[Change]) -> None:
    for name, value in fields.items():
        if name not in RENDERED and not is_default(name, value):
            changes.append(Change(name, "dropped", f"{title} has no such parameter"))
    changes += report_unsupported(fields, f"{title} has no such field", *UNSUPPORTED_FIELDS)
    reason = "Anthropic accepts reasoning as thinking_blocks only"
    changes += report_unsigned_reasoning(fields["messages"], reason)


def _render_options(body: AnthropicRequest, fields: Json, changes: list[Change]) -> None:
    if stop_sequences := _render_stop(fields, changes):
        body["stop_sequences"] = stop_sequences
    if metadata := _render_metadata(fields, changes):
        body["metadata"] = metadata
    if service_tier := _render_service_tier(fields, changes):
        body["service_tier"] = service_tier
    if cache_control := fields.get("cache_control"):
        body["cache_control"] = cache_control
    if fields.get("stream"):
        body["stream"] = True


def _render_max_tokens(fields: Json, target: Target, changes: list[Change]) -> int:
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    requested: int | None = fields.get(name)
    if fields.get("max_tokens", requested) != requested:
        changes.append(Change("max_tokens", "dropped", "max_completion_tokens takes precedence"))
    if requested is None:
        return limit or DEFAULT_MAX_TOKENS
    if limit and requested > limit:
        reason = f"{target.model.name} writes at most {limit} tokens"
        changes.append(Change(name, "clamped", reason, requested, limit))
        return limit
    return requested


def _drop_unmatched_budget(
    fields: Json, reasoning: AnthropicReasoning, messages: list[AnthropicMessage], changes: list[Change]
) -> AnthropicReasoning:
    """Disable a budget if the call being answered has no thinking block: the API rejects such a request."""
    messages = [message for message in messages if message["role"] != "system"]
    if reasoning.config is None or reasoning.config.get("type") != "enabled" or len(messages) < 2:
        return reasoning
    if all(block["type"] != "tool_result" for block in messages[-1]["content"]):
        return reasoning
    if messages[-2]["content"][0]["type"] in {"thinking", "redacted_thinking"}:
        return reasoning
    reason = "the last tool call has no thinking_blocks"
    path = "thinking" if "thinking" in fields else "reasoning_effort"
    changes.append(Change(path, "dropped", reason))
    return AnthropicReasoning()


def _render_output_config(
    fields: Json,
    capabilities: Capabilities,
    reasoning: AnthropicReasoning,
    system: list[AnthropicText],
    changes: list[Change],
) -> AnthropicOutputConfig:
    """Return effort and output format. Append a format to `system` if the model does not enforce it."""
    config: AnthropicOutputConfig = {"effort": reasoning.effort} if reasoning.effort else {}
    emulated = Change("response_format", "emulated", "requested in the system prompt, not enforced")
    match fields.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **options}}:
            if options.get("description"):
                schema = {"description": options["description"], **schema}
            if capabilities.structured_output:
                path = "response_format.json_schema.schema"
                config["format"] = {"type": "json_schema", "schema": close_schema(schema, path, changes)}
            else:
                system.append(render_text(f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}"))
                changes.append(emulated)
        case {"type": "json_object" | "json_schema"}:
            system.append(render_text(JSON_ONLY))
            changes.append(emulated)
        case None | {"type": "text"}:
            pass
        case _:
            message = "response_format has no supported type: use text, json_object or json_schema"
            raise InvalidRequest(message, param="response_format.type")
    return config


def _render_sampling(
    body: AnthropicRequest,
    fields: Json,
    capabilities: Capabilities,
    reasoning: AnthropicReasoning,
    changes: list[Change],
) -> None:
    names = [name for name in ("temperature", "top_p", "top_k") if name in fields]
    if capabilities.sampling_params is False or reasoning.is_enabled:
        reason = f"no sampling parameters {'during reasoning' if reasoning.is_enabled else 'with this model'}"
        can_sample = capabilities.sampling_params is not False
        accepted = [name for name in names if can_sample and accepts_sampling(name, fields[name])]
        dropped = [name for name in names if name not in accepted and not is_default(name, fields[name])]
        changes.extend(Change(name, "dropped", reason) for name in dropped)
        fields = {name: fields[name] for name in accepted}
    if "temperature" in fields:
        requested = fields["temperature"]
        temperature = min(max(requested, 0), 1)
        if temperature != requested:
            reason = f"the range is 0 to 1: sent {temperature}"
            changes.append(Change("temperature", "clamped", reason, requested, temperature))
        body["temperature"] = temperature
        if "top_p" in fields and not is_default("top_p", fields["top_p"]):
            changes.append(Change("top_p", "dropped", "this model accepts temperature or top_p, not both"))
    elif "top_p" in fields:
        body["top_p"] = min(max(fields["top_p"], 0), 1)
    if "top_k" in fields:
        body["top_k"] = fields["top_k"]


def _render_stop(fields: Json, changes: list[Change]) -> list[str]:
    requested = fields.get("stop") or []
    sequences = list(dict.fromkeys([requested] if isinstance(requested, str) else requested))
    visible = [sequence for sequence in sequences if sequence.strip()]
    if len(visible) < len(sequences):
        changes.append(Change("stop", "dropped", "Anthropic rejects a stop sequence of white space only"))
    return visible


def _render_metadata(fields: Json, changes: list[Change]) -> AnthropicMetadata | None:
    """Return the end user's id. Hash an id that is too long or may identify a person."""
    value = fields.get("metadata")
    metadata = value if isinstance(value, dict) else {}
    candidates = {name: fields.get(name) for name in ("safety_identifier", "user")}
    candidates["metadata.user_id"] = metadata.get("user_id")
    users = {name: user for name, user in candidates.items() if user}
    user = next(iter(users.values()), None)
    for name, other in users.items():
        if other != user:
            changes.append(Change(name, "dropped", f"{next(iter(users))} takes precedence"))
    if unsupported := [name for name in metadata if name != "user_id"]:
        reason = f"Anthropic's metadata has user_id only: dropped {', '.join(sorted(unsupported))}"
        changes.append(Change("metadata", "dropped", reason))
    if not isinstance(user, str) or not user:
        return None
    if len(user) > MAX_USER or PERSONAL_DATA.fullmatch(user):
        user = sha256(user.encode(errors="replace")).hexdigest()
        changes.append(Change("user", "emulated", "hashed: a user id must not identify a person"))
    return {"user_id": user}


def _render_service_tier(fields: Json, changes: list[Change]) -> str | None:
    tier = fields.get("service_tier")
    if tier is None:
        return None
    if isinstance(tier, str) and tier in SERVICE_TIERS:
        return SERVICE_TIERS[tier]
    changes.append(Change("service_tier", "dropped", "Anthropic has no such service tier"))
    return None
