"""The manners of OpenAI's Responses: https://platform.openai.com/docs/api-reference/responses.

It thinks where it is asked to by effort: a word of summary and, where that is included, a seal that has to
come back as it was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from vaultcore.simulators.openai import CREATED, MODELS, NAME, failure, listing, token
from vaultcore.simulators.reply import Call, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.responses_rules import check, ids, own, texts
from vaultcore.simulators.sample import schema_in

PATH = "/responses"
THOUGHT = "A question like any other."

__all__ = ["MODELS", "NAME", "PATH", "check", "completion", "events", "failure", "listing", "prompt", "token"]


def prompt(title: str, body: Json) -> Prompt:
    given = body["input"]
    items = given if isinstance(given, list) else [{"role": "user", "content": given}]
    results = []
    for item in reversed(items):
        if not str(item.get("type", "")).endswith("_call_output"):
            break
        results.append(texts(item["output"]))
    said = [texts(item.get("content")) for item in items if "role" in item]
    return Prompt(
        title=title,
        said=[text for text in (body.get("instructions"), *said) if text],
        tools=[_tool(tool) for tool in body.get("tools") or [] if _allowed(tool, body.get("tool_choice"))],
        forced=_forced(body.get("tool_choice")),
        results=results[::-1],
        parallel=body.get("parallel_tool_calls", True) is not False,
        limit=body.get("max_output_tokens"),
        schema=_schema(body),
    )


def completion(body: Json, answer: Reply) -> Json:
    why = "max_output_tokens" if answer.cut else None
    return {
        **_head(body),
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "output": _output(body, answer),
        "usage": _usage(body, answer),
    }


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    number = -1

    def event(kind: str, **more: Any) -> bytes:
        nonlocal number
        number += 1
        told = {"type": f"response.{kind}", "sequence_number": number, **more}
        return f"event: response.{kind}\ndata: {json.dumps(told)}\n\n".encode()

    begun = {**_head(body), "status": "in_progress", "output": [], "usage": None}
    yield event("created", response=begun)
    yield event("in_progress", response=begun)
    for place, item in enumerate(_output(body, answer)):
        where = {"output_index": place}
        yield event("output_item.added", item=_begun(item), **where)
        for kind, more in _life(item, answer):
            yield event(kind, item_id=item["id"], **where, **more)
        yield event("output_item.done", item=item, **where)
    whole = completion(body, answer)
    yield event(whole["status"], response=whole)


def _life(item: Json, answer: Reply) -> Iterator[tuple[str, Json]]:
    """What happens between an item's beginning and its end."""
    match item["type"]:
        case "reasoning":
            for index, part in enumerate(item["summary"]):
                where = {"summary_index": index}
                yield "reasoning_summary_part.added", {**where, "part": {**part, "text": ""}}
                for piece in _cut(part["text"]):
                    yield "reasoning_summary_text.delta", {**where, "delta": piece}
                yield "reasoning_summary_text.done", {**where, "text": part["text"]}
                yield "reasoning_summary_part.done", {**where, "part": part}
        case "message":
            part, where = item["content"][0], {"content_index": 0}
            yield "content_part.added", {**where, "part": {**part, "text": ""}}
            for piece in answer.pieces:
                yield "output_text.delta", {**where, "delta": piece, "logprobs": []}
            yield "output_text.done", {**where, "text": part["text"], "logprobs": []}
            yield "content_part.done", {**where, "part": part}
        case "function_call":
            for piece in _cut(item["arguments"]):
                yield "function_call_arguments.delta", {"delta": piece}
            yield "function_call_arguments.done", {"arguments": item["arguments"], "name": item["name"]}
        case "custom_tool_call":
            yield "custom_tool_call_input.delta", {"delta": item["input"]}
            yield "custom_tool_call_input.done", {"input": item["input"]}


def _begun(item: Json) -> Json:
    empty: Json = {"arguments": "", "input": "", "content": [], "summary": []}
    return {**item, **{name: empty[name] for name in empty if name in item}, "status": "in_progress"}


def _head(body: Json) -> Json:
    return {
        "id": mark("resp_", json.dumps(body["input"])),
        "object": "response",
        "created_at": CREATED,
        "model": body["model"],
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": {"format": {"type": "text"}, **(body.get("text") or {})},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": body.get("truncation", "disabled"),
    }


def _output(body: Json, answer: Reply) -> list[Json]:
    asked = json.dumps(body["input"])
    items: list[Json] = []
    if (body.get("reasoning") or {}).get("effort") not in (None, "none"):
        identity = mark("rs_", asked)
        item: Json = {"id": identity, "type": "reasoning", "summary": []}
        if body["reasoning"].get("summary"):
            item["summary"] = [{"type": "summary_text", "text": THOUGHT}]
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            item["encrypted_content"] = own(identity)
        items.append(item)
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        status = "incomplete" if answer.cut else "completed"
        head = {"id": mark("msg_", asked), "type": "message", "role": "assistant", "status": status}
        items.append({**head, "content": [part]})
    customs = {tool.get("name") for tool in body.get("tools") or [] if tool["type"] == "custom"}
    return [*items, *(_call(call, custom=call.name in customs) for call in answer.calls)]


def _call(call: Call, *, custom: bool) -> Json:
    head: Json = {"call_id": f"call_{call.id}", "name": call.name, "status": "completed"}
    if custom:
        return {**head, "id": f"ctc_{call.id}", "type": "custom_tool_call", "input": f"{call.name} this"}
    arguments = json.dumps(call.arguments)
    return {**head, "id": f"fc_{call.id}", "type": "function_call", "arguments": arguments}


def _allowed(tool: Json, choice: object) -> bool:
    match choice:
        case "none":
            return False
        case {"type": "allowed_tools", "tools": list() as tools}:
            return any(each.get("name") == tool.get("name") for each in tools)
        case _:
            return True


def _tool(tool: Json) -> Tool:
    return Tool(str(tool.get("name") or tool["type"]), tool.get("parameters") or {})


def _forced(choice: object) -> str | None:
    match choice:
        case {"type": "function" | "custom", "name": str(name)}:
            return name
        case "required" | {"type": "allowed_tools", "mode": "required"}:
            return ""
        case _:
            return None


def _schema(body: Json) -> Json | None:
    """The schema of the JSON that is asked for: told with the request or, to a model that obeys, in words."""
    match (body.get("text") or {}).get("format"):
        case {"type": "json_schema", "schema": dict() as schema}:
            return schema
        case {"type": "json_object"}:
            otherwise: Json | None = {}
        case _:
            otherwise = None
    items = body["input"] if isinstance(body["input"], list) else []
    told = [texts(item.get("content")) for item in items if item.get("role") in ("system", "developer")]
    return schema_in(" ".join([body.get("instructions") or "", *told])) or otherwise


def _usage(body: Json, answer: Reply) -> Json:
    thought = sum(5 for identity in ids(_output(body, answer)) if identity.startswith("rs_"))
    completion_tokens = answer.completion_tokens + thought
    return {
        "input_tokens": answer.prompt_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": completion_tokens,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": answer.prompt_tokens + completion_tokens,
    }


def _cut(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]
