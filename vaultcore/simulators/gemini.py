"""The manners of a Gemini-style provider: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.gemini_rules import SKIP, blocks, check_request, newer, parameters, rule
from vaultcore.simulators.reply import THOUGHT, Call, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.sample import schema_in

PATH = "/models/{model}:{verb}"
MODELS: tuple[str, ...] = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview")
THOUGHTS = 7  # tokens of thinking that every answer begins with
REASONS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def token(headers: Mapping[str, str]) -> str:
    return headers.get("x-goog-api-key", "")


def check(headers: Mapping[str, str], body: Json) -> None:
    rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    check_request(body)
    for content in body["contents"]:
        for part in content["parts"]:
            if "thoughtSignature" in part:
                _check_signature(part)


def prompt(title: str, body: Json) -> Prompt:
    contents: list[Json] = body["contents"]
    config = body.get("generationConfig") or {}
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode, allowed = calling.get("mode"), calling.get("allowedFunctionNames")
    declared = [each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []]
    return Prompt(
        title=title,
        said=[_text(content["parts"]) for content in contents],
        tools=[
            Tool(each["name"], parameters(each))
            for each in declared
            if mode != "NONE" and (allowed is None or each["name"] in allowed)
        ],
        forced=(allowed or [""])[0] if mode == "ANY" else None,
        results=[
            json.dumps(block["response"], ensure_ascii=False)
            if set(block["response"]) != {"result"}
            else str(block["response"]["result"])
            for block in blocks(contents[-1], "functionResponse")
        ],
        limit=config.get("maxOutputTokens"),
        schema=_schema(body, config),
    )


def completion(body: Json, answer: Reply) -> Json:
    parts = [{"text": answer.text}] if answer.text else []
    return {
        **_event([*_thoughts(body), *parts, *_calls(body, answer)], answer, _finish(answer)),
        **_head(body),
    }


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    if thoughts := _thoughts(body):
        yield _data({**_event(thoughts, answer, None), **_head(body)})
    for piece in answer.pieces:
        yield _data({**_event([{"text": piece}], answer, None), **_head(body)})
    for part in _calls(body, answer):
        yield _data({**_event([part], answer, None), **_head(body)})
    yield _data({**_event([{"text": ""}], answer, _finish(answer)), **_head(body)})


def failure(error: Refused) -> Json:
    told: Json = {"code": error.status, "message": str(error)}
    told["status"] = REASONS.get(error.status) or HTTPStatus(error.status).name
    if error.code:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        told["details"] = [{"@type": kind, "reason": error.code.upper(), "domain": "googleapis.com"}]
    return {"error": told}


def listing(title: str, names: tuple[str, ...]) -> Json:
    methods = ["generateContent", "countTokens"]
    rows = [
        {
            "name": f"models/{name}",
            "displayName": f"{title} {name}",
            "supportedGenerationMethods": methods,
        }
        for name in names
    ]
    return {"models": rows}


def _check_signature(part: Json) -> None:
    """A signature is good for the very part that it was given for."""
    told = part["thoughtSignature"]
    rule(isinstance(told, str) and told, "Thought signature is not valid.")
    call = part.get("functionCall")
    if told != SKIP and call is not None:
        rule(told == _signature(call), "Thought signature is not valid.")


def _signature(call: Json) -> str:
    told = mark("", call["name"], json.dumps(call.get("args") or {}, sort_keys=True))
    return base64.b64encode(told.encode()).decode()


def _thoughts(body: Json) -> list[Json]:
    """What it thought, where that is wanted."""
    config = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
    return [{"text": THOUGHT, "thought": True}] if config.get("includeThoughts") else []


def _calls(body: Json, answer: Reply) -> list[Json]:
    """The calls as parts: the first of several is signed."""
    parts: list[Json] = [{"functionCall": _call(body, call)} for call in answer.calls]
    if parts:
        parts[0]["thoughtSignature"] = _signature(parts[0]["functionCall"])
    return parts


def _call(body: Json, call: Call) -> Json:
    identity = {"id": call.id} if newer(body) else {}
    return {**identity, "name": call.name, "args": call.arguments}


def _schema(body: Json, config: Json) -> Json | None:
    """The schema of the JSON that is asked for: told with the request or, to a model that obeys, in words."""
    if config.get("responseMimeType") == "application/json":
        told: Json = config.get("responseJsonSchema") or {}
        return told
    return schema_in(_text((body.get("systemInstruction") or {}).get("parts") or []))


def _text(parts: list[Json]) -> str:
    return "".join(str(part["text"]) for part in parts if "text" in part and not part.get("thought"))


def _head(body: Json) -> Json:
    return {"modelVersion": str(body.get("model")), "responseId": mark("", body["contents"])}


def _event(parts: list[Json], answer: Reply, finish: str | None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    prompted, thoughts = answer.prompt_tokens, THOUGHTS
    counted = {"promptTokenCount": prompted, "thoughtsTokenCount": thoughts}
    if finish:
        counted["candidatesTokenCount"] = answer.completion_tokens
    return {
        "candidates": [candidate],
        "usageMetadata": {**counted, "totalTokenCount": sum(counted.values())},
    }


def _finish(answer: Reply) -> str:
    return "MAX_TOKENS" if answer.cut else "STOP"


def _data(body: Json) -> bytes:
    return f"data: {json.dumps(body)}\r\n\r\n".encode()
