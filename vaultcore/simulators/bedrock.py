"""The manners of Amazon Bedrock's Converse, its event stream included.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html. It takes API keys;
signatures are for who has the secret to check.
"""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Iterator, Mapping

from vaultcore.simulators.bedrock_rules import check_request, rule
from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import THOUGHT, Json, Prompt, Reply, Tool, mark
from vaultcore.simulators.sample import schema_in

PATH = "/model/{model:path}/{verb}"
STREAM = "application/vnd.amazon.eventstream"
MODELS: tuple[str, ...] = ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-lite-v1:0")
NAMES = {
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


def token(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def check(headers: Mapping[str, str], body: Json) -> None:
    rule("application/json" in headers.get("content-type", ""), "content-type must be application/json")
    check_request(body)
    for turn in body["messages"]:
        for block in turn["content"]:
            told = block.get("reasoningContent", {}).get("reasoningText")
            rule(
                told is None or told.get("signature") == _sign(told["text"]), "Invalid signature in thinking"
            )
    if _thinks(body) and len(body["messages"]) > 1:
        last, answered = body["messages"][-1]["content"], body["messages"][-2]["content"]
        begun = "reasoningContent" in answered[0] or all("toolResult" not in block for block in last)
        rule(begun, "Expected `thinking` at the beginning of the assistant turn that has toolUse")


def prompt(title: str, body: Json) -> Prompt:
    turns: list[Json] = body["messages"]
    config = body.get("toolConfig") or {}
    choice = config.get("toolChoice") or {}
    specs = [tool["toolSpec"] for tool in config.get("tools") or [] if "toolSpec" in tool]
    return Prompt(
        title=title,
        said=[_text(turn["content"]) for turn in turns],
        tools=[Tool(spec["name"], spec["inputSchema"]["json"]) for spec in specs],
        forced="" if "any" in choice else choice.get("tool", {}).get("name"),
        results=_results(turns[-1]["content"]),
        limit=(body.get("inferenceConfig") or {}).get("maxTokens"),
        schema=_schema(body),
    )


def _results(content: list[Json]) -> list[str]:
    """The results a turn ends with: where something is said after them, that is what is answered."""
    last = [block for block in content if "cachePoint" not in block][-1]
    if "toolResult" not in last:
        return []
    return [_text(block["toolResult"]["content"]) for block in content if "toolResult" in block]


def completion(body: Json, answer: Reply) -> Json:
    message = {"role": "assistant", "content": [*_thoughts(body), *_said(answer), *_calls(answer)]}
    return {"output": {"message": message}, "stopReason": _stop(answer), **_counted(answer)}


def events(body: Json, answer: Reply) -> Iterator[bytes]:
    yield _event("messageStart", {"role": "assistant"})
    index = 0
    for thought in _thoughts(body):
        for name, value in thought["reasoningContent"]["reasoningText"].items():
            yield _delta(index, {"reasoningContent": {name: value}})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    if answer.text:
        for piece in answer.pieces:
            yield _delta(index, {"text": piece})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    for call in answer.calls:
        begun = {"toolUse": {"toolUseId": f"tooluse_{call.id}", "name": call.name}}
        yield _event("contentBlockStart", {"contentBlockIndex": index, "start": begun})
        for piece in _cut(json.dumps(call.arguments) if call.arguments else ""):
            yield _delta(index, {"toolUse": {"input": piece}})
        yield _event("contentBlockStop", {"contentBlockIndex": index})
        index += 1
    yield _event("messageStop", {"stopReason": _stop(answer)})
    yield _event("metadata", _counted(answer))


def failure(error: Refused) -> Json:
    return {"message": str(error)}


def named(error: Refused) -> dict[str, str]:
    """The header that names an error; its body does not."""
    return {"x-amzn-errortype": f"{NAMES.get(error.status, 'InternalServerException')}:http://internal/"}


def listing(title: str, names: tuple[str, ...]) -> Json:
    return {"modelSummaries": [{"modelId": name, "providerName": title} for name in names]}


def _thinks(body: Json) -> bool:
    fields = body.get("additionalModelRequestFields") or {}
    return bool((fields.get("thinking") or {}).get("type") == "enabled")


def _thoughts(body: Json) -> list[Json]:
    if not _thinks(body):
        return []
    return [{"reasoningContent": {"reasoningText": {"text": THOUGHT, "signature": _sign(THOUGHT)}}}]


def _sign(text: str) -> str:
    return mark("sig_", text)


def _said(answer: Reply) -> list[Json]:
    return [{"text": answer.text}] if answer.text else []


def _calls(answer: Reply) -> list[Json]:
    return [
        {"toolUse": {"toolUseId": f"tooluse_{call.id}", "name": call.name, "input": call.arguments}}
        for call in answer.calls
    ]


def _stop(answer: Reply) -> str:
    if answer.calls:
        return "tool_use"
    return "max_tokens" if answer.cut else "end_turn"


def _counted(answer: Reply) -> Json:
    asked, told = answer.prompt_tokens, answer.completion_tokens
    usage = {"inputTokens": asked, "outputTokens": told, "totalTokens": asked + told}
    return {"usage": usage, "metrics": {"latencyMs": 1}}


def _schema(body: Json) -> Json | None:
    """The schema of the JSON that is asked for: told with the request or, to a model that obeys, in words."""
    match body.get("outputConfig"):
        case {"textFormat": {"structure": {"jsonSchema": {"schema": str(text)}}}}:
            parsed: Json = json.loads(text)
            return parsed
        case _:
            return schema_in(_text(body.get("system") or []))


def _text(blocks: list[Json]) -> str:
    return "".join(str(block["text"]) for block in blocks if "text" in block)


def _cut(text: str) -> list[str]:
    return [text[at : at + 8] for at in range(0, len(text), 8)]


def _delta(index: int, delta: Json) -> bytes:
    return _event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def _event(kind: str, payload: Json) -> bytes:
    """A message of the event stream: lengths, their checksum, headers, payload, the checksum of it all."""
    told = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    headers = b"".join(
        struct.pack(f">B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
        for name, value in told.items()
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(data), len(headers))
    body = prelude + struct.pack(">I", binascii.crc32(prelude)) + headers + data
    return body + struct.pack(">I", binascii.crc32(body))
