"""A chat request as a Messages request: https://docs.claude.com/en/api/messages."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import cast

from vaultcore.catalog.schema import Capabilities, Target
from vaultcore.dialects import Change, Rendered
from vaultcore.dialects.anthropic.blocks import text
from vaultcore.dialects.anthropic.cache import bounded
from vaultcore.dialects.anthropic.schema import closed
from vaultcore.dialects.anthropic.thinking import Thinking, render_thinking
from vaultcore.dialects.anthropic.tools import Tools, render_tools
from vaultcore.dialects.anthropic.turns import render_turns
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.unsupported_fields import unplaced, unsigned
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

DEFAULT_LENGTH = 4_096  # tokens; the API has no default of its own
RENDERED = {
    *(
        "model",
        "messages",
        "max_tokens",
        "max_completion_tokens",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
    ),
    *(
        "thinking",
        "reasoning",
        "reasoning_effort",
        "response_format",
        "temperature",
        "top_p",
        "top_k",
        "stop",
    ),
    *(
        "stream",
        "stream_options",
        "user",
        "safety_identifier",
        "metadata",
        "service_tier",
        "cache_control",
        "n",
    ),
}
TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
PERSONAL = re.compile(r".*@.*|\+?[\d\s().-]{7,}")  # an e-mail address, a telephone number
LONGEST_USER = 512
UNPLACED = ("messages.name", "messages.audio", "stream_options.include_obfuscation")
JSON_ONLY = "Answer with one JSON object and nothing else: no prose around it, no code fence."


def render_path(request: ChatRequest, target: Target) -> str:  # noqa: ARG001 - the Protocol's
    return "/messages"


def render_request(request: ChatRequest, target: Target) -> Rendered:
    able, changes = target.model.capabilities, list[Change]()
    asked = cast(Json, {name: value for name, value in request.items() if value is not None})
    if not neutral("n", asked.get("n")):
        raise InvalidRequest(f"{target.provider.title} gives one answer at a time: n must be 1", param="n")
    most = _length(asked, target, changes)
    system, turns = render_turns(
        request["messages"],
        changes,
        system_role=able.mid_conversation_system is True,
        prefill=able.prefill is not False,
    )
    thinking = _settled_thinking(render_thinking(asked, able, most, changes), turns, changes)
    tools = render_tools(request, able, changes, thinking=thinking.on, turns=turns)
    output = _output(asked, able, thinking, system, changes)
    if tools.instruction:
        system.append(text(tools.instruction))
    body: Json = {"model": target.model.name, "max_tokens": most}
    _put(
        body, system=system, messages=turns, **_tooling(tools), thinking=thinking.config, output_config=output
    )
    _sampling(body, asked, able, thinking, changes)
    _put(body, stop_sequences=_stops(asked, changes), metadata=_metadata(asked, changes))
    _put(body, service_tier=_tier(asked, changes), cache_control=asked.get("cache_control"))
    if asked.get("stream"):
        body["stream"] = True
    for name, value in asked.items():
        if name not in RENDERED and not neutral(name, value):
            changes.append(Change(name, "dropped", f"{target.provider.title} has no such parameter"))
    changes += unplaced(asked, f"{target.provider.title} has no place for it", *UNPLACED)
    changes += unsigned(asked["messages"], "thoughts go back as the blocks they were signed in")
    body = bounded(body, changes)
    return Rendered(body, tuple(changes))


def _put(body: Json, **fields: object) -> None:
    """Set what there is."""
    body.update({name: value for name, value in fields.items() if value})


def _tooling(tools: Tools) -> Json:
    return {"tools": tools.tools, "tool_choice": tools.choice}


def _length(asked: Json, target: Target, changes: list[Change]) -> int:
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in asked else "max_tokens"
    wanted: int | None = asked.get(name)
    if asked.get("max_tokens", wanted) != wanted:
        changes.append(Change("max_tokens", "dropped", "max_completion_tokens says otherwise"))
    if wanted is None:
        return limit or DEFAULT_LENGTH
    if limit and wanted > limit:
        reason = f"{target.model.name} writes {limit} tokens at most"
        changes.append(Change(name, "clamped", reason, wanted, limit))
        return limit
    return wanted


def _settled_thinking(thinking: Thinking, turns: list[Json], changes: list[Change]) -> Thinking:
    """Give up thinking where the call being answered was made without: with a budget that is refused."""
    turns = [turn for turn in turns if turn["role"] != "system"]
    if thinking.config is None or thinking.config.get("type") != "enabled" or len(turns) < 2:
        return thinking
    if all(block["type"] != "tool_result" for block in turns[-1]["content"]):
        return thinking
    if turns[-2]["content"][0]["type"] in {"thinking", "redacted_thinking"}:
        return thinking
    changes.append(
        Change("reasoning_effort", "dropped", "the last tool call came without its thinking_blocks")
    )
    return Thinking()


def _output(
    asked: Json, able: Capabilities, thinking: Thinking, system: list[Json], changes: list[Change]
) -> Json:
    output: Json = {"effort": thinking.effort} if thinking.effort else {}
    match asked.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as schema, **described}}:
            if described.get("description"):
                schema = {"description": described["description"], **schema}
            if able.structured_output:
                path = "response_format.json_schema.schema"
                output["format"] = {"type": "json_schema", "schema": closed(schema, path, changes)}
            else:
                system.append(text(f"{JSON_ONLY} It must match this JSON schema:\n{dump(schema)}"))
                changes.append(Change("response_format", "emulated", "asked for in words: not enforced"))
        case {"type": "json_object" | "json_schema"}:
            system.append(text(JSON_ONLY))
            changes.append(Change("response_format", "emulated", "asked for in words: not enforced"))
        case None | {"type": "text"}:
            pass
        case _:
            raise InvalidRequest("response_format is none that is known", param="response_format.type")
    return output


def _sampling(body: Json, asked: Json, able: Capabilities, thinking: Thinking, changes: list[Change]) -> None:
    names = [name for name in ("temperature", "top_p", "top_k") if name in asked]
    if able.sampling_params is False or thinking.on:
        reason = f"no sampling parameters {'while it thinks' if thinking.on else 'with this model'}"
        changes.extend(Change(name, "dropped", reason) for name in names if not neutral(name, asked[name]))
        return
    if "temperature" in asked:
        wanted = asked["temperature"]
        temperature = min(max(wanted, 0), 1)
        if temperature != wanted:
            reason = f"temperatures go from 0 to 1: {temperature}"
            changes.append(Change("temperature", "clamped", reason, wanted, temperature))
        body["temperature"] = temperature
        if "top_p" in asked and not neutral("top_p", asked["top_p"]):
            changes.append(Change("top_p", "dropped", "temperature or top_p, not both"))
    elif "top_p" in asked:
        body["top_p"] = min(max(asked["top_p"], 0), 1)
    if "top_k" in asked:
        body["top_k"] = asked["top_k"]


def _stops(asked: Json, changes: list[Change]) -> list[str]:
    told = asked.get("stop") or []
    stops = list(dict.fromkeys([told] if isinstance(told, str) else told))
    kept = [stop for stop in stops if stop.strip()]
    if len(kept) < len(stops):
        changes.append(Change("stop", "dropped", "white space alone cannot stop an answer"))
    return kept


def _metadata(asked: Json, changes: list[Change]) -> Json | None:
    """Who the client's user is, as an opaque id: an address or a number to call is hashed."""
    told = asked.get("metadata")
    held = told if isinstance(told, dict) else {}
    told_of = {name: asked.get(name) for name in ("safety_identifier", "user")}
    users = {name: one for name, one in {**told_of, "metadata.user_id": held.get("user_id")}.items() if one}
    user = next(iter(users.values()), None)
    for name, other in users.items():
        if other != user:
            changes.append(Change(name, "dropped", f"{next(iter(users))} says otherwise"))
    if rest := [name for name in held if name != "user_id"]:
        changes.append(Change("metadata", "dropped", f"only user_id is known: {', '.join(sorted(rest))}"))
    if not isinstance(user, str) or not user:
        return None
    if len(user) > LONGEST_USER or PERSONAL.fullmatch(user):
        user = sha256(user.encode(errors="replace")).hexdigest()
        changes.append(Change("user", "emulated", "hashed: it must not identify a person"))
    return {"user_id": user}


def _tier(asked: Json, changes: list[Change]) -> str | None:
    told = asked.get("service_tier")
    if told is None:
        return None
    if isinstance(told, str) and told in TIERS:
        return TIERS[told]
    changes.append(Change("service_tier", "dropped", "no such tier"))
    return None
