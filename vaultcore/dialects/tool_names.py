"""Names of tools that a provider accepts, in place of the client's, and the client's in its responses.

A client may give a tool any name: agents put the names of a plugin and its MCP server before it. A name that
the provider would reject is replaced by one that depends on the name alone, so that equal requests stay equal
for a prompt cache.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import sha256

from vaultcore.casts import cast
from vaultcore.dialects import Change
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

CALLS = frozenset({"tool_calls", "function_call"})  # members of a message
KINDS = ("function", "custom")  # members of a tool, a call or a choice that contain a name
DIGEST = 8  # hexadecimal digits at the end of a replaced name


@dataclass(frozen=True, slots=True)
class ToolNameRule:
    """The names that a provider accepts. `first` and `rest` are sets of characters, as in `[a-z]`."""

    rest: str = "a-zA-Z0-9_-"
    first: str = ""  # what a name may begin with; "": as `rest`
    longest: int = 64  # characters

    def accepts(self, name: str) -> bool:
        """Return True if the provider accepts the name as it is."""
        return _pattern(self.first, self.rest, self.longest).fullmatch(name) is not None

    def replace(self, name: str, salt: str = "") -> str:
        """Return an accepted name: the legible part of the client's and a hash of the whole.

        >>> ToolNameRule().replace("get weather")
        'get_weather_dce3870e'
        """
        digest = sha256(f"{name}{salt}".encode(errors="replace")).hexdigest()[:DIGEST]
        legible = re.sub(f"[^{self.rest}]", "_", name)[: self.longest - DIGEST - 2] or "tool"
        replaced = f"{legible}_{digest}"
        return replaced if self.accepts(replaced) else f"_{replaced}"


@lru_cache(64)  # one entry per rule of a dialect
def _pattern(first: str, rest: str, longest: int) -> re.Pattern[str]:
    return re.compile(f"[{first or rest}][{rest}]{{0,{longest - 1}}}")


@dataclass(frozen=True, slots=True)
class RenamedTools:
    """A request with accepted names, the client's names by accepted name, and the changes."""

    request: ChatRequest
    client_names: Mapping[str, str]
    changes: tuple[Change, ...] = ()


def rename_tools(request: ChatRequest, rule: ToolNameRule) -> RenamedTools:
    """Return the request with a name that the provider accepts for every tool, call and tool choice."""
    accepts = _pattern(rule.first, rule.rest, rule.longest).fullmatch
    if all(map(accepts, _distinct_names(cast(Json, request)))):
        return RenamedTools(request, {})
    paths = dict[str, str]()  # name -> the first place where the request has it
    for path, name in _names(cast(Json, request)):
        paths.setdefault(name, path)
    rejected = [name for name in paths if not accepts(name)]
    if not rejected:
        return RenamedTools(request, {})
    new_names: dict[str, str] = {}
    taken = set(paths)
    for name in rejected:
        new_names[name] = _unique(name, rule, taken)
        taken.add(new_names[name])
    reason = f"the provider's names have at most {rule.longest} characters of {rule.rest}"
    changes = tuple(Change(paths[name], "renamed", reason, name, new) for name, new in new_names.items())
    renamed = _rename_request(cast(Json, request), lambda name: new_names.get(name, name))
    return RenamedTools(cast(ChatRequest, renamed), {new: name for name, new in new_names.items()}, changes)


def restore_completion(completion: ChatCompletion, client_names: Mapping[str, str]) -> ChatCompletion:
    """Return the completion with the client's names of tools."""
    return cast(ChatCompletion, _restore(cast(Json, completion), "message", client_names))


def restore_chunk(chunk: ChatChunk, client_names: Mapping[str, str]) -> ChatChunk:
    """Return the chunk with the client's names of tools."""
    return cast(ChatChunk, _restore(cast(Json, chunk), "delta", client_names))


def _unique(name: str, rule: ToolNameRule, taken: set[str]) -> str:
    salt, unique = 0, rule.replace(name)
    while unique in taken:
        salt += 1
        unique = rule.replace(name, f"\0{salt}")
    return unique


def _distinct_names(request: Json) -> set[str]:
    """Return the names that `_names` yields and names of tools that are no functions, without paths."""
    holders: list[object] = []
    for field in ("tools", "functions"):
        if isinstance(listed := request.get(field), list):
            holders += listed
    for message in request.get("messages") or ():
        if isinstance(message, dict) and not CALLS.isdisjoint(message):
            calls = message.get("tool_calls")
            holders += [*(calls if isinstance(calls, list) else ()), message.get("function_call")]
    names = set[str]()
    for holder in holders:
        if isinstance(holder, dict):
            for part in (holder, holder.get("function"), holder.get("custom")):
                if isinstance(part, dict) and isinstance(name := part.get("name"), str):
                    names.add(name)
    return names


def _names(request: Json) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of every tool, then of every call in the conversation."""
    for i, tool in enumerate(_objects(request["tools"]) if "tools" in request else ()):
        yield from _named(tool, f"tools[{i}]")
    for i, function in enumerate(_objects(request["functions"]) if "functions" in request else ()):
        yield from _name(function, f"functions[{i}]")
    for i, message in enumerate(request.get("messages") or ()):
        if not isinstance(message, dict) or CALLS.isdisjoint(message):
            continue
        for j, call in enumerate(_objects(message.get("tool_calls"))):
            yield from _named(call, f"messages[{i}].tool_calls[{j}]")
        yield from _name(message.get("function_call"), f"messages[{i}].function_call")


def _named(record: Json, path: str) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        yield from _name(record.get(kind), f"{path}.{kind}")


def _name(holder: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(holder, dict) and isinstance(name := holder.get("name"), str):
        yield f"{path}.name", name


def _rename_request(request: Json, rename: Callable[[str], str]) -> Json:
    renamed = {**request, "messages": [_rename_message(each, rename) for each in request["messages"]]}
    for field in ("tools", "functions"):
        if isinstance(request.get(field), list):
            renamed[field] = [_rename_holder(each, rename) for each in request[field]]
    for field in ("tool_choice", "function_call"):
        if isinstance(request.get(field), dict):
            renamed[field] = _rename_choice(request[field], rename)
    return renamed


def _rename_choice(choice: Json, rename: Callable[[str], str]) -> Json:
    match choice:
        case {"allowed_tools": {"tools": list() as tools, **rest}}:
            allowed = {**rest, "tools": [_rename_holder(tool, rename) for tool in tools]}
            return {**choice, "allowed_tools": allowed}
        case _:
            return cast(Json, _rename_holder(choice, rename))


def _rename_message(message: Json, rename: Callable[[str], str]) -> Json:
    renamed = dict(message)
    if isinstance(message.get("tool_calls"), list):
        renamed["tool_calls"] = [_rename_holder(call, rename) for call in message["tool_calls"]]
    if isinstance(message.get("function_call"), dict):
        renamed["function_call"] = _rename_holder(message["function_call"], rename)
    if message.get("role") in {"tool", "function"} and isinstance(message.get("name"), str):
        renamed["name"] = rename(message["name"])
    return renamed


def _rename_holder(record: object, rename: Callable[[str], str]) -> object:
    """Return a tool, a call or a choice with its name replaced, wherever it has it."""
    if not isinstance(record, dict):
        return record
    renamed = dict(record)
    for kind in KINDS:
        if isinstance(record.get(kind), dict):
            renamed[kind] = _rename_holder(record[kind], rename)
    if isinstance(record.get("name"), str):
        renamed["name"] = rename(record["name"])
    return renamed


def _restore(response: Json, field: str, client_names: Mapping[str, str]) -> Json:
    """Return a completion or chunk with the client's names in `field` of each choice."""
    if not client_names:
        return response
    choices = [
        {**choice, field: _rename_message(choice[field], lambda name: client_names.get(name, name))}
        for choice in response.get("choices") or ()
    ]
    return {**response, "choices": choices}


def _objects(value: object) -> list[Json]:
    return [each if isinstance(each, dict) else {} for each in value] if isinstance(value, list) else []
