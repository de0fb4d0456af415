"""A simulated Gemini-style provider: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.gemini_rules import (
    SKIP,
    as_json_schema,
    blocks,
    check_request,
    is_gemini_3_or_later,
    parameters,
    require,
)
from vaultcore.simulators.media import create_media
from vaultcore.simulators.reply import (
    REASONING,
    Json,
    Prompt,
    PromptTool,
    Reply,
    ReplyToolCall,
    stable_id,
    tokens,
)
from vaultcore.simulators.schema_values import find_schema

PATH = "/models/{model}:{verb}"
MODELS: tuple[str, ...] = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash-preview")
REASONING_TOKENS = 7  # of every reply
STATUS_NAMES = {  # by HTTP status
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def request_key(headers: Mapping[str, str]) -> str:
    return headers.get("x-goog-api-key", "")


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    check_request(body)
    for content in body["contents"]:
        for part in content["parts"]:
            if "thoughtSignature" in part:
                _check_signature(part)


def can_search(body: Json) -> bool:
    return any("googleSearch" in tool for tool in body.get("tools") or [])


def parse_prompt(title: str, body: Json) -> Prompt:
    contents: list[Json] = body["contents"]
    config = body.get("generationConfig") or {}
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    mode, allowed = calling.get("mode"), calling.get("allowedFunctionNames")
    declarations = [
        each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []
    ]
    return Prompt(
        title=title,
        texts=[_text(content["parts"]) for content in contents],
        tools=[
            PromptTool(each["name"], parameters(each))
            for each in declarations
            if mode != "NONE" and (allowed is None or each["name"] in allowed)
        ],
        forced_tool=(allowed or [""])[0] if mode == "ANY" else None,
        tool_results=[
            json.dumps(block["response"], ensure_ascii=False)
            if set(block["response"]) != {"result"}
            else str(block["response"]["result"])
            for block in blocks(contents[-1], "functionResponse")
        ],
        token_limit=config.get("maxOutputTokens"),
        schema=_schema(body, config),
    )


def render_completion(body: Json, reply: Reply) -> Json:
    parts = [{"text": reply.text}] if reply.text else []
    return {
        **_event([*_reasoning_parts(body), *parts, *_call_parts(body, reply)], reply, _finish_reason(reply)),
        **_head(body),
    }


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    if parts := _reasoning_parts(body):
        yield _data({**_event(parts, reply, None), **_head(body)})
    for chunk in reply.chunks:
        yield _data({**_event([{"text": chunk}], reply, None), **_head(body)})
    for part in _call_parts(body, reply):
        yield _data({**_event([part], reply, None), **_head(body)})
    yield _data({**_event([{"text": ""}], reply, _finish_reason(reply)), **_head(body)})


def embed_contents(_headers: Mapping[str, str], body: Json) -> Json:
    path = f"/models/{body['model']}:batchEmbedContents"
    fields = {name: value for name, value in body.items() if name not in {"model", "stream"}}
    return create_media(path, fields) or {}


def render_error(error: SimulatedError) -> Json:
    detail: Json = {"code": error.status, "message": str(error)}
    detail["status"] = STATUS_NAMES.get(error.status) or HTTPStatus(error.status).name
    if error.code:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        detail["details"] = [{"@type": kind, "reason": error.code.upper(), "domain": "googleapis.com"}]
    return {"error": detail}


def render_models(title: str, names: tuple[str, ...]) -> Json:
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
    """Raise SimulatedError unless the part's signature was issued for this part."""
    signature = part["thoughtSignature"]
    require(isinstance(signature, str) and signature, "Thought signature is not valid.")
    call = part.get("functionCall")
    if signature != SKIP and call is not None:
        require(signature == _signature(call), "Thought signature is not valid.")


def _signature(call: Json) -> str:
    text = stable_id("", call["name"], json.dumps(call.get("args") or {}, sort_keys=True))
    return base64.b64encode(text.encode()).decode()


def _reasoning_parts(body: Json) -> list[Json]:
    """Return the reasoning if the request includes it."""
    config = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
    return [{"text": REASONING, "thought": True}] if config.get("includeThoughts") else []


def _call_parts(body: Json, reply: Reply) -> list[Json]:
    """Return the calls as parts; the first one has a signature."""
    parts: list[Json] = [{"functionCall": _call(body, call)} for call in reply.calls]
    if parts:
        parts[0]["thoughtSignature"] = _signature(parts[0]["functionCall"])
    return parts


def _call(body: Json, call: ReplyToolCall) -> Json:
    identity = {"id": call.id} if is_gemini_3_or_later(body) else {}
    return {**identity, "name": call.name, "args": call.arguments}


def _schema(body: Json, config: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    if config.get("responseMimeType") == "application/json":
        schema: Json = config.get("responseJsonSchema") or as_json_schema(config.get("responseSchema"))
        return schema
    return find_schema(_text((body.get("systemInstruction") or {}).get("parts") or []))


def _text(parts: list[Json]) -> str:
    return "".join(str(part["text"]) for part in parts if "text" in part and not part.get("thought"))


def _head(body: Json) -> Json:
    return {"modelVersion": str(body.get("model")), "responseId": stable_id("", body["contents"])}


def _event(parts: list[Json], reply: Reply, finish: str | None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
        if reply.searches:
            queries = [f"question {number}" for number in range(reply.searches)]
            candidate["groundingMetadata"] = {"webSearchQueries": queries}
    counts = {"promptTokenCount": reply.prompt_tokens, "thoughtsTokenCount": REASONING_TOKENS}
    if finish:
        counts["candidatesTokenCount"] = reply.completion_tokens
    return {
        "candidates": [candidate],
        "usageMetadata": {**counts, "totalTokenCount": sum(counts.values())},
    }


def _finish_reason(reply: Reply) -> str:
    return "MAX_TOKENS" if reply.is_cut else "STOP"


def _data(body: Json) -> bytes:
    return f"data: {json.dumps(body)}\r\n\r\n".encode()


def _count_tokens(_headers: Mapping[str, str], body: Json) -> Json:
    """Return the response of the endpoint that counts the tokens of contents, or of a whole request."""
    request = body.get("generateContentRequest") or {"contents": body.get("contents")}
    check_request({name: value for name, value in request.items() if name != "model"})
    texts = [_text(content["parts"]) for content in request["contents"]]
    return {"totalTokens": sum(map(tokens, texts))}


ENDPOINTS = {
    "/models/{model}:countTokens": _count_tokens,
    "/models/{model}:batchEmbedContents": embed_contents,
}
