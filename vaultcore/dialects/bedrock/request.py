"""A chat request as a Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, RenderedRequest
from vaultcore.dialects.anthropic.json_schema import close_schema
from vaultcore.dialects.bedrock.conversation import render_conversation
from vaultcore.dialects.bedrock.inference_config import InferenceSettings, render_max_tokens
from vaultcore.dialects.bedrock.parts import ConversePartRenderer
from vaultcore.dialects.bedrock.publisher import Publisher, find_publisher
from vaultcore.dialects.bedrock.reasoning import ConverseReasoning, render_reasoning
from vaultcore.dialects.bedrock.tools import ConverseToolSet
from vaultcore.dialects.cache_marks import add_auto_marks, mark_last_message
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.prompts import JSON_ONLY
from vaultcore.dialects.unsupported_fields import report_unsigned_reasoning, report_unsupported
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

if TYPE_CHECKING:
    from vaultcore.dialects.bedrock.wire import (
        ConverseBlock,
        ConverseJsonSchema,
        ConverseMessage,
        ConverseOutputConfig,
        ConverseRequest,
        ConverseServiceTier,
        ConverseStructure,
    )

NATIVE = (  # Converse's own fields, passed through unchanged
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "additionalModelResponseFieldPaths",
)
RENDERED = {  # fields that the functions below render; every other field is reported
    *("model", "messages", "max_tokens", "max_completion_tokens", "tools", "tool_choice"),
    *("parallel_tool_calls", "thinking", "reasoning", "reasoning_effort", "response_format", "temperature"),
    *("top_p", "top_k", "stop", "stream", "stream_options", "metadata", "service_tier", "n"),
    *("web_search_options", "additionalModelRequestFields", *NATIVE),
}
UNSUPPORTED_FIELDS = (
    "messages.name",
    "messages.audio",
    "messages.function_call",
    "stream_options.include_obfuscation",
)
SERVICE_TIERS = ("default", "flex", "priority", "reserved")
METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")  # a valid key or value of requestMetadata
MAX_METADATA = 16  # entries


def render_path(request: ChatRequest, target: Target) -> str:
    """Return the path with the model id as one segment: its colons and slashes are escaped."""
    name, capabilities = target.model.name, target.model.capabilities
    if not name.strip("."):
        raise InvalidRequest("is not a model id", param="model")
    # A model that cannot stream tool calls gets a plain request: the gateway streams its answer as one piece.
    is_buffered = request.get("tools") and capabilities.streamed_tools is False
    verb = "converse-stream" if request.get("stream") and not is_buffered else "converse"
    return f"/model/{quote(name, safe='')}/{verb}"


def render_request(request: ChatRequest, target: Target) -> RenderedRequest:
    """Return the Converse request. Raise InvalidRequest if Converse cannot express the request."""
    capabilities, changes = target.model.capabilities, list[Change]()
    if capabilities.prompt_cache is True:
        request = mark_last_message(add_auto_marks(request, target, changes))
    publisher = find_publisher(target.model.name)
    fields = cast(Json, {name: value for name, value in request.items() if value is not None})
    title = target.provider.title
    if not is_default("n", fields.get("n")):
        raise InvalidRequest(f"{title} returns one choice: n must be 1", param="n")
    parts = ConversePartRenderer(capabilities, changes)
    system, messages = render_conversation(request["messages"], parts, capabilities, publisher)
    max_tokens = render_max_tokens(fields, target, changes)
    reasoning = render_reasoning(fields, capabilities, publisher, max_tokens, changes)
    reasoning = _drop_unmatched_budget(fields, reasoning, messages, changes)
    tools = ConverseToolSet(parts, capabilities, publisher)
    tools.render(request, messages, forbids_forced_tools=reasoning.forbids_forced_tools)
    output_config = _render_output_config(fields, target, system, changes)
    if reasoning.effort:
        output_config["effort"] = reasoning.effort
    if tools.instruction:
        system.append({"text": tools.instruction})
    _render_search(fields.get("web_search_options"), tools, publisher, changes)
    if capabilities.system is False:
        _move_system(system, messages)
    inference = InferenceSettings(publisher, reasoning, changes, fields.get("additionalModelRequestFields"))
    inference.render(fields, max_tokens, target.model)
    body: ConverseRequest = {
        "messages": messages,
        "system": system,
        "inferenceConfig": inference.config,
        "toolConfig": tools.config,
        "outputConfig": output_config,
        "additionalModelRequestFields": inference.additional,
        "requestMetadata": _render_metadata(fields, changes),
        "serviceTier": _render_service_tier(fields, changes),
    }
    rendered: Json = {name: value for name, value in body.items() if value}  # Bedrock rejects empty fields
    rendered.update({name: fields[name] for name in NATIVE if fields.get(name)})
    _report_dropped(fields, title, changes)
    return RenderedRequest(rendered, tuple(changes))


def _report_dropped(fields: Json, title: str, changes: list[Change]) -> None:
    for name, value in fields.items():
        if name not in RENDERED and not is_default(name, value):
            changes.append(Change(name, "dropped", f"{title} has no such parameter"))
    changes += report_unsupported(fields, f"{title} has no such field", *UNSUPPORTED_FIELDS)
    reason = f"{title} accepts reasoning as thinking_blocks only"
    changes += report_unsigned_reasoning(fields["messages"], reason)


def _move_system(system: list[ConverseBlock], messages: list[ConverseMessage]) -> None:
    """Move the instructions into the first message, for a model that has no system prompt."""
    messages[0]["content"][:0] = [block for block in system if "text" in block]
    system.clear()


def _drop_unmatched_budget(
    fields: Json, reasoning: ConverseReasoning, messages: list[ConverseMessage], changes: list[Change]
) -> ConverseReasoning:
    """Disable a budget if the call being answered has no reasoning: the API rejects such a request."""
    messages = [message for message in messages if message["role"] != "system"]
    if not reasoning.min_tokens or len(messages) < 2:
        return reasoning
    if all("toolResult" not in block for block in messages[-1]["content"]):
        return reasoning
    if "reasoningContent" in messages[-2]["content"][0]:
        return reasoning
    reason = "the last tool call has no thinking_blocks"
    path = "thinking" if "thinking" in fields else "reasoning_effort"
    changes.append(Change(path, "dropped", reason))
    return ConverseReasoning()


def _render_output_config(
    fields: Json, target: Target, system: list[ConverseBlock], changes: list[Change]
) -> ConverseOutputConfig:
    """Return the output format. Append it to `system` if the model does not enforce it."""
    match fields.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **options}}:
            if target.model.capabilities.structured_output:
                path = "response_format.json_schema.schema"
                definition: Json = {"schema": dump(close_schema(schema, path, changes))}
                definition |= {name: options[name] for name in ("name", "description") if options.get(name)}
                structure: ConverseStructure = {"jsonSchema": cast("ConverseJsonSchema", definition)}
                return {"textFormat": {"type": "json_schema", "structure": structure}}
            system.append({"text": f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}"})
        case {"type": "json_object" | "json_schema"}:
            system.append({"text": JSON_ONLY})
        case None | {"type": "text"}:
            return {}
        case _:
            message = "response_format has no supported type: use text, json_object or json_schema"
            raise InvalidRequest(message, param="response_format.type")
    reason = "requested in the system prompt, not enforced"
    changes.append(Change("response_format", "emulated", reason))
    return {}


def _render_search(
    options: object, tools: ConverseToolSet, publisher: Publisher, changes: list[Change]
) -> None:
    if options is None:
        return
    if publisher.search_tool is None:
        changes.append(Change("web_search_options", "dropped", "this model does not search the web"))
        return
    tools.tools.append({"systemTool": {"name": publisher.search_tool}})
    if options:
        reason = "this model's web search has no options"
        changes.append(Change("web_search_options", "dropped", reason))


def _render_metadata(fields: Json, changes: list[Change]) -> dict[str, str]:
    """Return the entries that Bedrock accepts for its invocation logs, at most 16."""
    value = fields.get("metadata")
    entries = value.items() if isinstance(value, dict) else ()
    valid = {
        name: label
        for name, label in entries
        if name and isinstance(label, str) and METADATA.fullmatch(name) and METADATA.fullmatch(label)
    }
    metadata = dict(list(valid.items())[:MAX_METADATA])
    if len(metadata) < len(entries):
        dropped = ", ".join(sorted(str(name) for name, _ in entries if name not in metadata))
        reason = f"Bedrock accepts {MAX_METADATA} plain entries: dropped {dropped}"
        changes.append(Change("metadata", "dropped", reason))
    return metadata


def _render_service_tier(fields: Json, changes: list[Change]) -> ConverseServiceTier:
    tier = fields.get("service_tier")
    if isinstance(tier, str) and tier in SERVICE_TIERS:
        return {"type": tier}
    if not is_default("service_tier", tier):
        changes.append(Change("service_tier", "dropped", "Bedrock has no such service tier"))
    return {}
