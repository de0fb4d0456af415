"""A generateContent request as a chat request: https://ai.google.dev/api/generate-content.

A Gemini provider gets the client's own body. Fields that it may support are therefore not rejected here. A
field that other providers cannot express becomes a change, which takes effect only if a target needs the
translated request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vaultcore.casts import cast
from vaultcore.client_apis.gemini.conversation import parse_contents, parse_system
from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.generation_config import parse_config
from vaultcore.client_apis.gemini.google_request import GoogleRequest
from vaultcore.client_apis.gemini.opaque_state import remove_packed
from vaultcore.client_apis.gemini.tools import parse_tool_config, parse_tools
from vaultcore.dialects import Change, NativeRequest
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatRequest, Json

NATIVE = "gemini"
HEADERS: tuple[str, ...] = ()
PATH_FIELDS = ("model", "stream")  # that the gateway has read from the path
COUNTED = "generateContentRequest"  # of countTokens: the whole request to count
MODEL_PREFIX = "models/"
MAX_MODEL_LENGTH = 512  # characters
MAX_CONTENTS = 100_000
GOOGLE_ONLY = "only Google has this field"
ELSEWHERE = {  # fields that stand for a part of the request which Google has stored
    "cachedContent": "Google has the rest of this request: send it without cached content",
    "continuationToken": "Google has the response that it continues: send the conversation",
}
SERVICE_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}

FieldParser = Callable[[Fields, str, list[Change]], Json]


def parse_request(body: object) -> ChatRequest:
    """Return the request as a chat request. Raises InvalidRequest."""
    return _parse(_validate(body))[0]


def native_request(body: Json, headers: Mapping[str, str]) -> NativeRequest:  # noqa: ARG001 - none is forwarded
    """Return the client's own body for a Gemini provider.

    `translation_changes` returns the changes that apply with any other provider.
    """
    own = {name: value for name, value in body.items() if name not in PATH_FIELDS}
    return NativeRequest(NATIVE, remove_packed(own), {}, lambda: _parse(body)[1], promises_schemas=True)


def _validate(body: object) -> Json:
    """Return the body if the fields that the gateway itself uses are valid, else raise InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    model = str(body.get("model") or "").removeprefix(MODEL_PREFIX)
    if not 1 <= len(model.strip()) <= MAX_MODEL_LENGTH:
        raise InvalidRequest(f"the path needs a model of 1 to {MAX_MODEL_LENGTH} characters", param="model")
    fields = _request_fields(body)
    contents = fields.elements("contents")
    if not isinstance(fields.get("contents"), list | dict) or not 1 <= len(contents) <= MAX_CONTENTS:
        path = fields.at("contents")
        raise InvalidRequest(f"{path}: a list of 1 to {MAX_CONTENTS:,} is required", param=path)
    for path, content in contents:
        if not isinstance(content, dict):
            raise InvalidRequest(f"{path}: must be an object with a list of parts", param=path)
        for place, part in Fields(content, path).elements("parts"):
            if not isinstance(part, dict):
                raise InvalidRequest(f"{place}: must be an object", param=place)
    return body


def _request_fields(body: Json) -> Fields:
    """Return the fields of the request; countTokens may wrap it in a field of its own."""
    fields = Fields(body)
    return fields.inner(COUNTED) if COUNTED in fields else fields


def _parse(body: Json) -> tuple[ChatRequest, tuple[Change, ...]]:
    """Return the chat request and the changes that its translation makes."""
    fields, changes = _request_fields(body), list[Change]()
    config = fields.inner("generationConfig")
    parsed: Json = {"model": str(body["model"]).removeprefix(MODEL_PREFIX)}
    if body.get("stream") is True:
        parsed["stream"] = True
    turns = [*parse_system(fields, changes), *parse_contents(fields, config, changes)]
    parsed["messages"] = [turn.message for turn in turns]
    for name, value in fields.pairs():
        if name in FIELDS:
            parsed |= FIELDS[name](fields, name, changes)
        elif name in ELSEWHERE:
            changes.append(Change(fields.at(name), "refused", ELSEWHERE[name]))
        elif name not in READ and value not in ({}, []):
            changes.append(Change(fields.at(name), "dropped", GOOGLE_ONLY))
    parse_config(config, parsed, changes)
    added = len(parsed["messages"]) - len(turns)  # instructions that the config needs
    sources = [*[fields.at("generationConfig")] * added, *(turn.path for turn in turns)]
    request = GoogleRequest(parsed, fields, sources)
    return cast(ChatRequest, request), tuple(changes)


def _parse_tools(fields: Fields, name: str, changes: list[Change]) -> Json:
    return parse_tools(fields.elements(name), changes)


def _parse_tool_config(fields: Fields, name: str, changes: list[Change]) -> Json:
    return parse_tool_config(fields.inner(name), changes)


def _parse_service_tier(fields: Fields, name: str, changes: list[Change]) -> Json:
    tier = fields.text(name).lower().removeprefix("service_tier_")
    if tier in SERVICE_TIERS:
        return {"service_tier": SERVICE_TIERS[tier]}
    if tier != "unspecified":
        changes.append(Change(fields.at(name), "dropped", "unknown service tier", was=fields.get(name)))
    return {}


def _parse_store(fields: Fields, name: str, changes: list[Change]) -> Json:
    if fields.get(name) is True:
        changes.append(Change(fields.at(name), "dropped", "the gateway stores no interactions"))
    return {}


READ = (*PATH_FIELDS, "contents", "systemInstruction", "generationConfig")
FIELDS: Mapping[str, FieldParser] = {
    "tools": _parse_tools,
    "toolConfig": _parse_tool_config,
    "serviceTier": _parse_service_tier,
    "store": _parse_store,
}
