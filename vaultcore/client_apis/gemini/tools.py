"""`tools` and `toolConfig` as those of chat completions: https://ai.google.dev/api/caching#Tool.

One tool of Google holds any number of functions, and tools that Google runs itself. An offered tool is
optional: one that only Google has is dropped and reported.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.client_apis.gemini.fields import Fields
from vaultcore.client_apis.gemini.schema import parse_schema
from vaultcore.dialects import Change
from vaultcore.wire import Json

GOOGLE_ONLY = "only Google has this tool"
SEARCHES = ("googleSearch", "googleSearchRetrieval", "enterpriseWebSearch")
SUPPORTED = ("name", "description", "parameters", "parametersJsonSchema")
NO_EFFECT = {"behavior": ("UNSPECIFIED", "BLOCKING")}  # values that change nothing


def parse_tools(tools: Iterable[tuple[str, object]], changes: list[Change]) -> Json:
    """Return `tools`, and `web_search_options` if Google's search is among them."""
    parsed: Json = {}
    functions: list[Json] = []
    for path, tool in tools:
        fields = Fields.of(tool, path)
        for name in fields.names():
            if name == "functionDeclarations":
                functions += [_parse_function(*each, changes) for each in fields.elements(name)]
            elif name in SEARCHES:
                reason = "sent as web_search_options"
                changes.append(Change(fields.at(name), "renamed", reason, name, "web_search_options"))
                parsed["web_search_options"] = _parse_search(fields.inner(name), changes)
            else:
                changes.append(Change(fields.at(name), "dropped", GOOGLE_ONLY))
    return {"tools": functions, **parsed} if functions else parsed


def _parse_search(search: Fields, changes: list[Change]) -> Json:
    """Return `web_search_options`, with the domains that the search shall not use."""
    options: Json = {}
    for name, value in search.pairs():
        if name == "excludeDomains" and isinstance(value, list):
            options["filters"] = {"blocked_domains": value}
        elif value:
            changes.append(Change(search.at(name), "dropped", "only Google's search has this option"))
    return options


def _parse_function(path: str, value: object, changes: list[Change]) -> Json:
    fields = Fields.of(value, path)
    function: Json = {"name": fields.text("name")}
    if not function["name"]:
        changes.append(Change(path, "refused", "a function needs a name"))
    if description := fields.text("description"):
        function["description"] = description
    if isinstance(schema := fields.get("parametersJsonSchema"), dict):
        function["parameters"] = schema
    elif (schema := fields.get("parameters")) is not None:
        function["parameters"] = parse_schema(schema)
    for name, setting in fields.pairs():
        if name not in SUPPORTED and setting not in NO_EFFECT.get(name, ()):
            changes.append(Change(fields.at(name), "dropped", "only Google has this field"))
    return {"type": "function", "function": function}


def parse_tool_config(config: Fields, changes: list[Change]) -> Json:
    """Return `tool_choice`, or {} if the model decides."""
    calling = config.inner("functionCallingConfig")
    for fields, known in ((config, ("functionCallingConfig",)), (calling, ("mode", "allowedFunctionNames"))):
        for name, value in fields.pairs():
            if name not in known and value not in ({}, False):
                changes.append(Change(fields.at(name), "dropped", "only Google has this field"))
    names = [name for _, name in calling.elements("allowedFunctionNames") if isinstance(name, str)]
    choice = _tool_choice(calling, names, changes)
    return {} if choice is None else {"tool_choice": choice}


def _tool_choice(calling: Fields, names: list[str], changes: list[Change]) -> str | Json | None:
    choice: str | Json | None = None
    match calling.text("mode").upper(), names:
        case "NONE", _:
            choice = "none"
        case "ANY", [name]:
            choice = _named(name)
        case "ANY", _:
            choice = _allowed(names, "required") if names else "required"
        case "VALIDATED", _:
            choice = _allowed(names, "auto") if names else "auto"
            reason = "calls are not checked against their schema"
            changes.append(Change(calling.at("mode"), "emulated", reason, "VALIDATED", "auto"))
        case "" | "AUTO" | "MODE_UNSPECIFIED", _:
            pass
        case mode, _:
            changes.append(Change(calling.at("mode"), "refused", f"unknown mode {mode[:40]}"))
    return choice


def _named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _allowed(names: list[str], mode: str) -> Json:
    tools = [_named(name) for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
