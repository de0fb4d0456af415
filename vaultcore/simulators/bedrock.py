"""A simulated Amazon Bedrock Converse API, event stream included.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. It accepts API keys.
It does not accept signed requests, because it has no secret to verify them with.
"""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterator, Mapping

from vaultcore.simulators.bedrock_rules import check_request, require
from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import REASONING, Json, Prompt, PromptTool, Reply, split_text, stable_id
from vaultcore.simulators.schema_values import find_schema

PATH = "/model/{model:path}/{verb}"
STREAM = "application/vnd.amazon.eventstream"
MODELS: tuple[str, ...] = ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0")
ERROR_NAMES = {  # by HTTP status
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def request_key(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def validate_request(headers: Mapping[str, str], body: Json) -> None:
    require("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    check_request(body)
    for message in body["messages"]:
        for block in message["content"]:
            reasoning = block.get("reasoningContent", {}).get("reasoningText")
            require(
                reasoning is None or reasoning.get("signature") == _sign(reasoning["text"]),
                "Invalid signature in thinking",
            )
    if _has_reasoning(body) and len(body["messages"]) > 1:
        last, previous = body["messages"][-1]["content"], body["messages"][-2]["content"]
        has_reasoning = "reasoningContent" in previous[0] or all("toolResult" not in block for block in last)
        require(has_reasoning, "Expected `thinking` at the beginning of the assistant turn that has toolUse")


def can_search(body: Json) -> bool:  # noqa: ARG001 - the protocol names it
    return False


def parse_prompt(title: str, body: Json) -> Prompt:
    messages: list[Json] = body["messages"]
    config = body.get("toolConfig") or {}
    choice = config.get("toolChoice") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools") or [] if "toolSpec" in tool]
    return Prompt(
        title=title,
        texts=[_text(message["content"]) for message in messages],
        tools=[PromptTool(spec["name"], spec["inputSchema"]["json"]) for spec in specs],
        forced_tool="" if "any" in choice else choice.get("tool", {}).get("name"),
        tool_results=_results(messages[-1]["content"]),
        token_limit=(body.get("inferenceConfig") or {}).get("maxTokens"),
        schema=_schema(body),
    )


def _results(content: list[Json]) -> list[str]:
    """Return the tool results at the end of a message, none if other content follows them."""
    last = [block for block in content if "cachePoint" not in block][-1]
    if "toolResult" not in last:
        return []
    return [_text(block["toolResult"]["content"]) for block in content if "toolResult" in block]


def render_completion(body: Json, reply: Reply) -> Json:
    message = {
        "role": "assistant",
        "content": [*_reasoning_blocks(body), *_text_blocks(reply), *_tool_use_blocks(reply)],
    }
    return {"output": {"message": message}, "stopReason": _stop_reason(reply), **_usage(reply)}


def render_events(body: Json, reply: Reply) -> Iterator[bytes]:
    yield _event("messageStart", {"role": "assistant"})
    index = 0
    for block in _reasoning_blocks(body):
        for name, value in block["reasoningContent"]["reasoningText"].items():
            yield _delta(index, {"reasoningContent": {name: value}})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    if reply.text:
        for chunk in reply.chunks:
            yield _delta(index, {"text": chunk})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    for call in reply.calls:
        start = {"toolUse": {"toolUseId": f"tooluse_{call.id}", "name": call.name}}
        yield _event("contentBlockStart", {"contentBlockIndex": index, "start": start})
        for chunk in split_text(json.dumps(call.arguments) if call.arguments else ""):
            yield _delta(index, {"toolUse": {"input": chunk}})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    yield _event("messageStop", {"stopReason": _stop_reason(reply)})
    yield _event("metadata", _usage(reply))


def render_error(error: SimulatedError) -> Json:
    return {"message": str(error)}


def error_headers(error: SimulatedError) -> dict[str, str]:
    """Return the header with the name of the error, which the body does not contain."""
    return {
        "x-amzn-errortype": f"{ERROR_NAMES.get(error.status, 'InternalServerException')}:http://internal/"
    }


def render_models(title: str, names: tuple[str, ...]) -> Json:
    return {"modelSummaries": [{"modelId": name, "providerName": title} for name in names]}


def _has_reasoning(body: Json) -> bool:
    fields = body.get("additionalModelRequestFields") or {}
    return bool((fields.get("thinking") or {}).get("type") == "enabled")


def _reasoning_blocks(body: Json) -> list[Json]:
    if not _has_reasoning(body):
        return []
    return [{"reasoningContent": {"reasoningText": {"text": REASONING, "signature": _sign(REASONING)}}}]


def _sign(text: str) -> str:
    return stable_id("sig_", text)


def _text_blocks(reply: Reply) -> list[Json]:
    return [{"text": reply.text}] if reply.text else []


def _tool_use_blocks(reply: Reply) -> list[Json]:
    return [
        {"toolUse": {"toolUseId": f"tooluse_{call.id}", "name": call.name, "input": call.arguments}}
        for call in reply.calls
    ]


def _stop_reason(reply: Reply) -> str:
    if reply.calls:
        return "tool_use"
    return "max_tokens" if reply.is_cut else "end_turn"


def _usage(reply: Reply) -> Json:
    prompt, completion = reply.prompt_tokens, reply.completion_tokens
    usage = {"inputTokens": prompt, "outputTokens": completion, "totalTokens": prompt + completion}
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _schema(body: Json) -> Json | None:
    """Return the schema for JSON output: a field of the request, or in the text of the prompt."""
    match body.get("outputConfig"):
        case {"textFormat": {"structure": {"jsonSchema": {"schema": str(text)}}}}:
            parsed: Json = json.loads(text)
            return parsed
        case _:
            return find_schema(_text(body.get("system") or []))


def _text(blocks: list[Json]) -> str:
    return "".join(str(block["text"]) for block in blocks if "text" in block)


def _delta(index: int, delta: Json) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def _event(kind: str, payload: Json) -> bytes:
    """Return a message of the event stream.

    Lengths, their checksum, headers, payload, checksum of everything.
    """
    fields = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
        for name, value in fields.items()
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    body = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + data
    return body + struct.pack(">I", binascii.crc32(body))
