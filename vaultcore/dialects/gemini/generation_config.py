"""The generationConfig of a request: https://ai.google.dev/api/generate-content#GenerationConfig."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vaultcore.casts import cast
from vaultcore.catalog.schema import Target
from vaultcore.dialects import Change
from vaultcore.dialects.default_values import is_default
from vaultcore.dialects.gemini.json_schema import simplify_schema
from vaultcore.dialects.gemini.model_generation import GEMINI_2, GEMINI_3, parse_generation
from vaultcore.dialects.gemini.parts import render_resolution
from vaultcore.dialects.gemini.reasoning import render_reasoning
from vaultcore.dialects.json_fields import dump
from vaultcore.dialects.prompts import JSON_ONLY
from vaultcore.errors import InvalidRequest
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.dialects.gemini.wire import GeminiGenerationConfig, GeminiPart

SAMPLING = {"temperature": "temperature", "top_p": "topP", "top_k": "topK"}  # OpenAI's field -> Gemini's
PENALTIES = {"presence_penalty": "presencePenalty", "frequency_penalty": "frequencyPenalty"}
CONFIG_FIELDS = frozenset(  # fields of a chat request that this module renders
    [
        *SAMPLING,
        *PENALTIES,
        *("max_tokens", "max_completion_tokens", "n", "seed", "stop", "logprobs", "top_logprobs"),
        *("response_format", "modalities", "thinking", "reasoning", "reasoning_effort"),
    ]
)
MAX_STOP_SEQUENCES = 5
MODALITIES: Mapping[str, str] = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}


def render_config(
    fields: Json, target: Target, system: list[GeminiPart], changes: list[Change], *, has_functions: bool
) -> GeminiGenerationConfig:
    """Return the config. Append to `system` what the model can only be asked for in words.

    `has_functions` says that the request declares functions. Raise InvalidRequest for an invalid field.
    """
    generation = parse_generation(target.model.name)
    config: Json = {"maxOutputTokens": _render_max_tokens(fields, target, changes)}
    _render_sampling(config, fields, target, changes)
    config["candidateCount"] = fields.get("n")
    config["seed"] = _whole_number(fields, "seed", changes)
    config["stopSequences"] = _render_stop(fields, changes)
    if fields.get("logprobs"):
        config["responseLogprobs"] = True
        config["logprobs"] = _whole_number(fields, "top_logprobs", changes) or None
    supports_format = generation >= GEMINI_3 or not has_functions
    _render_format(
        config,
        fields,
        system,
        changes,
        supports_format=supports_format,
        supports_schema=supports_format and generation >= GEMINI_2,
    )
    config["responseModalities"] = _render_modalities(fields)
    config["mediaResolution"] = render_resolution(fields["messages"], changes)
    config["thinkingConfig"] = render_reasoning(fields, target.model, changes)
    return cast(
        "GeminiGenerationConfig", {name: value for name, value in config.items() if value is not None}
    )


def _render_max_tokens(fields: Json, target: Target, changes: list[Change]) -> int | None:
    limit = target.model.max_output_tokens
    name = "max_completion_tokens" if "max_completion_tokens" in fields else "max_tokens"
    requested: int | None = fields.get(name)
    if requested is not None and limit and requested > limit:
        reason = f"{target.model.name} writes at most {limit} tokens"
        changes.append(Change(name, "clamped", reason, requested, limit))
        return limit
    if "max_tokens" in fields and fields["max_tokens"] != requested:
        changes.append(Change("max_tokens", "dropped", "max_completion_tokens takes precedence"))
    return requested


def _render_sampling(config: Json, fields: Json, target: Target, changes: list[Change]) -> None:
    has_sampling = target.model.capabilities.sampling_params is not False
    has_penalties = has_sampling and parse_generation(target.model.name) < GEMINI_3
    for name, gemini_name in (SAMPLING | PENALTIES).items():
        if name not in fields:
            continue
        if has_penalties if name in PENALTIES else has_sampling:
            config[gemini_name] = fields[name]
        elif not is_default(name, fields[name]):
            changes.append(Change(name, "dropped", "this model has no such parameter", fields[name]))


def _whole_number(fields: Json, name: str, changes: list[Change]) -> int | None:
    value = fields.get(name)
    if value is None or type(value) is int:
        return value
    changes.append(Change(name, "dropped", "must be a whole number"))
    return None


def _render_stop(fields: Json, changes: list[Change]) -> list[str] | None:
    value = fields.get("stop") or []
    requested = dict.fromkeys([value] if isinstance(value, str) else value)
    sequences = [sequence for sequence in requested if sequence]
    if len(sequences) > MAX_STOP_SEQUENCES:
        reason = f"Gemini accepts {MAX_STOP_SEQUENCES} stop sequences: sent the first {MAX_STOP_SEQUENCES}"
        changes.append(Change("stop", "clamped", reason, len(sequences), MAX_STOP_SEQUENCES))
    return sequences[:MAX_STOP_SEQUENCES] or None


def _render_modalities(fields: Json) -> list[str] | None:
    requested = fields.get("modalities")
    if requested is None or is_default("modalities", requested):
        return None
    names = [name for name in requested if isinstance(name, str)] if isinstance(requested, list) else []
    modalities = [MODALITIES[name] for name in names if name in MODALITIES]
    if not modalities or len(modalities) < len(requested):
        raise InvalidRequest(f"modalities must be among {', '.join(MODALITIES)}", param="modalities")
    return modalities


def _render_format(
    config: Json,
    fields: Json,
    system: list[GeminiPart],
    changes: list[Change],
    *,
    supports_format: bool,
    supports_schema: bool,
) -> None:
    """Set the response format, or ask for it in `system` if the model does not support it."""
    match fields.get("response_format"):
        case {"type": "json_schema", "json_schema": {"schema": dict() as client_schema} as options}:
            path = "response_format.json_schema"
            described = _add_description(client_schema, options, changes)
            schema: Json | None = simplify_schema(described, f"{path}.schema", changes)
        case {"type": "json_object" | "json_schema"}:
            schema = None
        case None | {"type": "text"}:
            return
        case _:
            message = "response_format has no supported type: use text, json_object or json_schema"
            raise InvalidRequest(message, param="response_format.type")
    if not (supports_format if schema is None else supports_schema):
        instruction = f" It must match this JSON schema:\n{dump(schema)}" if schema else ""
        system.append({"text": JSON_ONLY + instruction})
        reason = "requested in the system prompt, not enforced"
        changes.append(Change("response_format", "emulated", reason))
        return
    config["responseMimeType"] = "application/json"
    if schema is not None:
        config["responseJsonSchema"] = schema


def _add_description(schema: Json, options: Mapping[str, object], changes: list[Change]) -> Json:
    """Return the schema with the description of the response format, unless it has one."""
    description = options.get("description")
    if not isinstance(description, str) or not description:
        return schema
    if schema.get("description"):
        reason = "the schema has its own description"
        changes.append(Change("response_format.json_schema.description", "dropped", reason))
        return schema
    return {"description": description, **schema}
