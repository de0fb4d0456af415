"""A chat request as a Converse request.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from typing import cast
from urllib.parse import quote

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change, Rendered
from vaultcore.dialects.anthropic.schema import closed
from vaultcore.dialects.bedrock.blocks import Content, text
from vaultcore.dialects.bedrock.publisher import Family, family
from vaultcore.dialects.bedrock.reasoning import ReasoningAsked, render_reasoning
from vaultcore.dialects.bedrock.sampling import Sampling, render_length
from vaultcore.dialects.bedrock.tools import Tools
from vaultcore.dialects.bedrock.turns import render_turns
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.unsupported_fields import unplaced, unsigned
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

OWN = (  # Converse's own fields, for clients that know them
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "additionalModelResponseFieldPaths",
)
RENDERED = {
    *("model", "messages", "max_tokens", "max_completion_tokens", "tools", "tool_choice"),
    *("parallel_tool_calls", "thinking", "reasoning", "reasoning_effort", "response_format", "temperature"),
    *("top_p", "top_k", "stop", "stream", "stream_options", "metadata", "service_tier", "n"),
    *("web_search_options", "additionalModelRequestFields", *OWN),
}
UNPLACED = (
    "messages.name",
    "messages.audio",
    "messages.function_call",
    "stream_options.include_obfuscation",
)
TIERS = ("default", "flex", "priority", "reserved")
JSON_ONLY = "Answer with one JSON object and nothing else: no prose around it, no code fence."
LABEL = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")  # what a key or a value of metadata may be
MOST_LABELS = 16


def render_path(request: ChatRequest, target: Target) -> str:
    """The model's id is one segment: its colons and slashes are escaped."""
    name, able = target.model.name, target.model.capabilities
    if not name.strip("."):
        raise InvalidRequest("is no model id", param="model")
    whole = request.get("tools") and able.streamed_tools is False  # an answer in one piece does as well
    verb = "converse-stream" if request.get("stream") and not whole else "converse"
    return f"/model/{quote(name, safe='')}/{verb}"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    able, kin, changes = target.model.capabilities, family(target.model.name), list[Change]()
    asked = cast(Json, {name: value for name, value in request.items() if value is not None})
    if not neutral("n", asked.get("n")):
        raise InvalidRequest(f"{target.provider.title} gives one answer at a time: n must be 1", param="n")
    content = Content(able, changes)
    system, turns = render_turns(request["messages"], content, able, kin)
    most = render_length(asked, target, changes)
    reasoning = _settled(render_reasoning(asked, able, kin, most, changes), turns, changes)
    tools = Tools(content, able, kin)
    tools.render(request, turns, free=reasoning.forbids_choice)
    output = _output(asked, target, system, changes)
    if reasoning.effort:
        output["effort"] = reasoning.effort
    if tools.instruction:
        system.append(text(tools.instruction))
    _search(asked.get("web_search_options"), tools, kin, changes)
    _lead(system, turns, target)
    sampling = Sampling(kin, reasoning, changes, asked.get("additionalModelRequestFields"))
    sampling.render(asked, most, target.model)
    body: Json = {"messages": turns}
    _put(body, system=system, inferenceConfig=sampling.limits, toolConfig=tools.config, outputConfig=output)
    _put(body, additionalModelRequestFields=sampling.more, requestMetadata=_labels(asked, changes))
    _put(body, serviceTier=_tier(asked, changes), **{name: asked.get(name) for name in OWN})
    for name, value in asked.items():
        if name not in RENDERED and not neutral(name, value):
            changes.append(Change(name, "dropped", f"{target.provider.title} has no such parameter"))
    changes += unplaced(asked, f"{target.provider.title} has no place for it", *UNPLACED)
    changes += unsigned(asked["messages"], "thoughts go back as the blocks they were signed in")
    return Rendered(body, tuple(changes))


def _put(body: Json, **fields: object) -> None:
    """Set what there is."""
    body.update({name: value for name, value in fields.items() if value})


def _lead(system: list[Json], turns: list[Json], target: Target) -> None:
    """Put what the model is told in words where it reads it, if it knows no instructions."""
    if target.model.capabilities.system is False and system:
        turns[0]["content"][:0] = [block for block in system if "text" in block]
        system.clear()


def _settled(reasoning: ReasoningAsked, turns: list[Json], changes: list[Change]) -> ReasoningAsked:
    """Give up thinking where the call being answered was made without: with a budget that is refused."""
    turns = [turn for turn in turns if turn["role"] != "system"]
    if not reasoning.least or len(turns) < 2:
        return reasoning
    if all("toolResult" not in block for block in turns[-1]["content"]):
        return reasoning
    if "reasoningContent" in turns[-2]["content"][0]:
        return reasoning
    told = "the last tool call came without its thinking_blocks"
    changes.append(Change("reasoning_effort", "dropped", told))
    return ReasoningAsked()


def _output(asked: Json, target: Target, system: list[Json], changes: list[Change]) -> Json:
    match asked.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **rest}}:
            if target.model.capabilities.structured_output:
                path = "response_format.json_schema.schema"
                held: Json = {"schema": dump(closed(schema, path, changes))}
                held |= {name: rest[name] for name in ("name", "description") if rest.get(name)}
                return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": held}}}
            system.append(text(f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}"))
        case {"type": "json_object" | "json_schema"}:
            system.append(text(JSON_ONLY))
        case None | {"type": "text"}:
            return {}
        case _:
            raise InvalidRequest("response_format is none that is known", param="response_format.type")
    changes.append(Change("response_format", "emulated", "asked for in words: not enforced"))
    return {}


def _search(options: object, tools: Tools, kin: Family, changes: list[Change]) -> None:
    if options is None:
        return
    if kin.search is None:
        changes.append(Change("web_search_options", "dropped", "this model does not search the web"))
        return
    tools.specs.append({"systemTool": {"name": kin.search}})
    if options:
        changes.append(Change("web_search_options", "dropped", "its own search has no options"))


def _labels(asked: Json, changes: list[Change]) -> Json:
    """Metadata that the log of the account can be searched by, as far as it is fit for that."""
    told = asked.get("metadata")
    held = told.items() if isinstance(told, dict) else ()
    fit = {
        name: value
        for name, value in held
        if name and isinstance(value, str) and LABEL.fullmatch(name) and LABEL.fullmatch(value)
    }
    kept = dict(list(fit.items())[:MOST_LABELS])
    if len(kept) < len(held):
        gone = ", ".join(sorted(str(name) for name, _ in held if name not in kept))
        changes.append(Change("metadata", "dropped", f"not fit for a label, or one too many: {gone}"))
    return kept


def _tier(asked: Json, changes: list[Change]) -> Json | None:
    told = asked.get("service_tier")
    if isinstance(told, str) and told in TIERS:
        return {"type": told}
    if not neutral("service_tier", told):
        changes.append(Change("service_tier", "dropped", "no such tier"))
    return None
