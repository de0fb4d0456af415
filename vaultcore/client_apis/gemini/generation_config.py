"""generationConfig as fields of a chat request: https://ai.google.dev/api/generate-content#GenerationConfig."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.parts import DEFAULT_RESOLUTIONS, DETAILS
from vaultcore.client_apis.gemini.schema import parse_schema
from vaultcore.dialects import Change
from vaultcore.wire import Json

GOOGLE_ONLY = "only Google has this field"
JSON_TYPE, ENUM_TYPE, TEXT_TYPE = "application/json", "text/x.enum", "text/plain"
SCHEMAS = ("responseJsonSchema", "_responseJsonSchema", "responseSchema")  # the first one counts
SCHEMA_NAME = "response"
MODALITIES = {"TEXT": "text", "IMAGE": "image", "AUDIO": "audio"}
THINKING = ("thinkingLevel", "thinkingBudget", "includeThoughts")
LEVEL_PREFIX = "thinking_level_"
MAX_DIGITS = 20  # of a number that is written as text
DYNAMIC_BUDGET = -1  # the model decides how much it thinks

ConfigParser = Callable[[Fields, str, Json, list[Change]], None]


def parse_config(config: Fields, request: Json, changes: list[Change]) -> None:
    """Set the fields of the chat request that the config asks for; report what no other provider has."""
    for name, value in config.pairs():
        if name in CONFIG:
            CONFIG[name](config, name, request, changes)
        elif name not in READ and value not in ({}, [], False):
            changes.append(Change(config.at(name), "dropped", GOOGLE_ONLY))
    _parse_format(config, request, changes)


def _copy(target: str, config: Fields, name: str, request: Json, changes: list[Change]) -> None:
    """Copy a number. Google also reads whole numbers written as text or with a point: `"topK": 40.0`."""
    value = config.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < MAX_DIGITS:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        changes.append(Change(config.at(name), "refused", "must be a number"))
        return
    request[target] = (
        int(value) if isinstance(value, float) and value.is_integer() and target in WHOLE else value
    )


def _parse_stop(config: Fields, name: str, request: Json, changes: list[Change]) -> None:
    value = config.get(name)
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        changes.append(Change(config.at(name), "refused", "must be a list of strings"))
    elif value:
        request["stop"] = value


def _parse_logprobs(config: Fields, name: str, request: Json, changes: list[Change]) -> None:
    if config.get(name) is not True:
        return
    request["logprobs"] = True
    if "logprobs" in config:
        _copy("top_logprobs", config, "logprobs", request, changes)


def _parse_modalities(config: Fields, name: str, request: Json, changes: list[Change]) -> None:
    value = config.get(name)
    names = [str(each).upper() for each in value] if isinstance(value, list) else []
    known = [MODALITIES[each] for each in names if each in MODALITIES]
    if len(known) < len(names) or not isinstance(value, list):
        changes.append(Change(config.at(name), "refused", f"must be among {', '.join(MODALITIES)}"))
    elif known and known != ["text"]:
        request["modalities"] = known


def _report_resolution(config: Fields, name: str, _request: Json, changes: list[Change]) -> None:
    """Report a resolution that images do not get in parts.py."""
    value = config.text(name)
    if value not in DETAILS and value not in DEFAULT_RESOLUTIONS:
        changes.append(Change(config.at(name), "dropped", "other providers have no such detail", was=value))


def _parse_thinking(config: Fields, name: str, request: Json, changes: list[Change]) -> None:
    """Set the effort or the budget. Only the budget 0 turns thinking off."""
    thinking = config.inner(name)
    level, budget = (
        thinking.text("thinkingLevel").lower().removeprefix(LEVEL_PREFIX),
        thinking.get("thinkingBudget"),
    )
    if level and level != "unspecified":
        request["reasoning_effort"] = level
    elif isinstance(budget, int) and not isinstance(budget, bool) and budget >= 0:
        request["thinking"] = {"type": "enabled", "budget_tokens": budget} if budget else {"type": "disabled"}
    elif budget not in (None, DYNAMIC_BUDGET):
        changes.append(Change(thinking.at("thinkingBudget"), "refused", "must be a number of tokens"))
    elif thinking.get("includeThoughts") is True:
        request["thinking"] = {"type": "adaptive"}
    if thinking.get("includeThoughts") is True and request.get("thinking", {}).get("type") != "disabled":
        request["thinking"] = {"type": "adaptive", **request.get("thinking", {}), "display": "summarized"}
    unknown = [field for field in thinking.names() if field not in THINKING]
    changes += [Change(thinking.at(field), "dropped", GOOGLE_ONLY) for field in unknown]


def _parse_format(config: Fields, request: Json, changes: list[Change]) -> None:
    """Set the response format: a JSON schema, any JSON object, or one of several words."""
    name = next((name for name in SCHEMAS if isinstance(config.get(name), dict)), None)
    value = config.get(name) if name else None
    schema = parse_schema(value) if name == SCHEMAS[-1] else value
    kind = config.text("responseMimeType") or (JSON_TYPE if name in SCHEMAS[:2] else TEXT_TYPE)
    match kind, schema:
        case "application/json", None:
            request["response_format"] = {"type": "json_object"}
        case "application/json", dict():
            json_schema = {"name": SCHEMA_NAME, "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": json_schema}
        case "text/x.enum", {"enum": list() as words}:
            text = f"Answer with exactly one of these words and nothing else: {', '.join(map(str, words))}"
            request["messages"].insert(0, {"role": "system", "content": text})
            reason = "requested in the system prompt, not enforced"
            changes.append(Change(config.at(str(name)), "emulated", reason))
        case "text/plain", None:
            pass
        case _:
            reason = f"{kind} with this schema: only Google can do it"
            changes.append(Change(config.at("responseMimeType"), "refused", reason))


WHOLE = ("max_completion_tokens", "n", "seed", "top_k", "top_logprobs")  # fields that need whole numbers
READ = ("responseMimeType", *SCHEMAS, "logprobs")  # read with other fields
CONFIG: Mapping[str, ConfigParser] = {
    "maxOutputTokens": partial(_copy, "max_completion_tokens"),
    "temperature": partial(_copy, "temperature"),
    "topP": partial(_copy, "top_p"),
    "topK": partial(_copy, "top_k"),
    "candidateCount": partial(_copy, "n"),
    "seed": partial(_copy, "seed"),
    "presencePenalty": partial(_copy, "presence_penalty"),
    "frequencyPenalty": partial(_copy, "frequency_penalty"),
    "stopSequences": _parse_stop,
    "responseLogprobs": _parse_logprobs,
    "responseModalities": _parse_modalities,
    "thinkingConfig": _parse_thinking,
    "mediaResolution": _report_resolution,
}
