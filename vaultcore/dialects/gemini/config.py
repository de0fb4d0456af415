"""How an answer is to be generated: the generationConfig of a request."""

from __future__ import annotations

from collections.abc import Mapping

from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.default_values import neutral
from vaultcore.dialects.gemini.generation import THREE, TWO, generation
from vaultcore.dialects.gemini.parts import resolution
from vaultcore.dialects.gemini.schema import sanitised
from vaultcore.dialects.gemini.thinking import render_thinking
from vaultcore.dialects.json_fields import dump
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

SAMPLING = {"temperature": "temperature", "top_p": "topP", "top_k": "topK"}
PENALTIES = {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}
CONFIGURED = frozenset(
    [
        *SAMPLING,
        *PENALTIES,
        *("max_tokens", "max_completion_tokens", "n", "seed", "stop", "logprobs", "top_logprobs"),
        *("response_format", "modalities", "thinking", "reasoning", "reasoning_effort"),
    ]
)
MOST_STOPS = 5
MODALITIES: Mapping[str, str] = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
JSON_ONLY = "Answer with one JSON object and nothing else: no prose around it, no code fence."


def render_config(
    asked: Json, target: Target, system: list[Json], changes: list[Change], *, called: bool
) -> Json:
    """The config. What it cannot say is said in the system instruction. `called`: there are functions."""
    made = generation(target.model.name)
    config: Json = {}
    _put(config, maxOutputTokens=_length(asked, target, changes))
    _sampling(config, asked, target, changes)
    _put(config, candidateCount=asked.get("n"), seed=_whole(asked, "seed", changes))
    _put(config, stopSequences=_stops(asked, changes))
    if asked.get("logprobs"):
        _put(config, responseLogprobs=True, logprobs=_whole(asked, "top_logprobs", changes) or None)
    _shape(config, asked, system, changes, worded=called and made < THREE, schemas=made >= TWO)
    _put(config, responseModalities=_modalities(asked))
    _put(config, mediaResolution=resolution(asked["messages"], changes))
    _put(config, thinkingConfig=render_thinking(asked, target.model, changes))
    return config


def _put(config: Json, **fields: object) -> None:
    """Set what there is."""
    config.update({name: value for name, value in fields.items() if value is not None})


def _length(asked: Json, target: Target, changes: list[Change]) -> int | None:
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in asked else "max_tokens"
    wanted: int | None = asked.get(name)
    if wanted is not None and limit and wanted > limit:
        reason = f"{target.model.name} writes {limit} tokens at most"
        changes.append(Change(name, "clamped", reason, wanted, limit))
        return limit
    if "max_tokens" in asked and asked["max_tokens"] != wanted:
        changes.append(Change("max_tokens", "dropped", "max_completion_tokens says otherwise"))
    return wanted


def _sampling(config: Json, asked: Json, target: Target, changes: list[Change]) -> None:
    unsampled = target.model.capabilities.sampling_params is False
    for name, theirs in (SAMPLING | PENALTIES).items():
        if name not in asked:
            continue
        refused = unsampled or (name in PENALTIES and generation(target.model.name) >= THREE)
        if refused and not neutral(name, asked[name]):
            changes.append(Change(name, "dropped", "no such parameter with this model", asked[name]))
        elif not refused:
            config[theirs] = asked[name]


def _whole(asked: Json, name: str, changes: list[Change]) -> int | None:
    value = asked.get(name)
    if value is None or type(value) is int:
        return value
    changes.append(Change(name, "dropped", "must be a whole number"))
    return None


def _stops(asked: Json, changes: list[Change]) -> list[str] | None:
    told = asked.get("stop") or []
    stops = [stop for stop in dict.fromkeys([told] if isinstance(told, str) else told) if stop]
    if len(stops) > MOST_STOPS:
        reason = f"the first {MOST_STOPS} strings: Gemini takes no more"
        changes.append(Change("stop", "clamped", reason, len(stops), MOST_STOPS))
    return stops[:MOST_STOPS] or None


def _modalities(asked: Json) -> list[str] | None:
    told = asked.get("modalities")
    if told is None or neutral("modalities", told):
        return None
    wanted = (
        [MODALITIES.get(each) for each in told if isinstance(each, str)] if isinstance(told, list) else []
    )
    known = [each for each in wanted if each is not None]
    if not known or len(known) < len(told):
        raise InvalidRequest(f"modalities must be among {', '.join(MODALITIES)}", param="modalities")
    return known


def _shape(
    config: Json, asked: Json, system: list[Json], changes: list[Change], *, worded: bool, schemas: bool
) -> None:
    """The form of the answer. `worded`: it can only be asked for in words."""
    match asked.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as told} as beside}:
            place = "response_format.json_schema"
            schema: Json | None = sanitised(_described(told, beside, changes), f"{place}.schema", changes)
        case {"type": "json_object" | "json_schema"}:
            schema = None
        case None | {"type": "text"}:
            return
        case _:
            raise InvalidRequest("response_format is none that is known", param="response_format.type")
    if worded or (schema is not None and not schemas):
        rest = f" It must match this JSON schema:\n{dump(schema)}" if schema else ""
        system.append({"text": JSON_ONLY + rest})
        changes.append(Change("response_format", "emulated", "asked for in words: not enforced"))
        return
    config["responseMimeType"] = "application/json"
    if schema is not None:
        config["responseJsonSchema"] = schema


def _described(schema: Json, beside: Mapping[str, object], changes: list[Change]) -> Json:
    """The schema, saying itself what is said of it."""
    told = beside.get("description")
    if not isinstance(told, str) or not told:
        return schema
    if schema.get("description"):
        reason = "the schema has a description of its own"
        changes.append(Change("response_format.json_schema.description", "dropped", reason))
        return schema
    return {"description": told, **schema}
