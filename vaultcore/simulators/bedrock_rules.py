"""The rules of a simulated Bedrock Converse API.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from vaultcore.simulators.faults import SimulatedError

Json = dict[str, Any]
ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "guardrailConfig",
        "inferenceConfig",
        "messages",
        "outputConfig",
        "performanceConfig",
        "promptVariables",
        "requestMetadata",
        "serviceTier",
        "system",
        "toolConfig",
    ]
)
PATH_FIELDS = {"model", "stream"}  # parts of the path, not of the body
LIMITS = {"maxTokens": (1, 1 << 31), "temperature": (0, 1), "topP": (0, 1)}
ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DOCUMENT = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s()\[\]_-]{1,200}")
LABEL = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
MAX_LABELS, MAX_CACHE_POINTS = 16, 4  # per request
IMAGES = ("png", "jpeg", "gif", "webp")
BLANK = "The text field in the ContentBlock object at {} is blank. Add text to the text field, and try again."


def check_request(body: Json) -> None:
    """Raise SimulatedError if the request breaks a rule."""
    for name in body:
        require(name in ALLOWED_FIELDS | PATH_FIELDS, f"{name} is not known")
    _check_limits(body.get("inferenceConfig") or {})
    for block in body.get("system") or []:
        require("text" not in block or block["text"].strip(), BLANK.format("system"))
    names = _check_tools(body.get("toolConfig"))
    _check_messages(body.get("messages"))
    require(names or not any(_uses(body)), "The toolConfig field must be defined when using toolUse blocks.")
    labels = body.get("requestMetadata") or {}
    require(len(labels) <= MAX_LABELS, "requestMetadata has too many members")
    require(
        all(LABEL.fullmatch(text) for pair in labels.items() for text in pair), "requestMetadata is malformed"
    )
    blocks = [*(body.get("system") or []), *(body.get("toolConfig") or {}).get("tools", ())]
    blocks += [block for message in body["messages"] for block in message["content"]]
    require(sum("cachePoint" in block for block in blocks) <= MAX_CACHE_POINTS, "too many cache points")


def require(condition: object, message: str) -> None:
    if not condition:
        raise SimulatedError(400, "ValidationException", message)


def _check_limits(limits: Json) -> None:
    for name, value in limits.items():
        if name == "stopSequences":
            require(all(stop.strip() for stop in value), "stopSequences must not be blank")
            continue
        require(name in LIMITS, f"inferenceConfig.{name} is not known")
        least, most = LIMITS[name]
        require(least <= value <= most, f"inferenceConfig.{name} must be {least} to {most}")


def _check_tools(config: Json | None) -> set[str]:
    if config is None:
        return set()
    require(config.get("tools"), "toolConfig.tools must not be empty")
    names = set()
    for tool in config["tools"]:
        spec = tool.get("toolSpec")
        if spec is not None:
            require(NAME.fullmatch(spec["name"]), f"toolSpec.name must match {NAME.pattern}")
            require(spec.get("description", "-").strip(), "toolSpec.description must not be empty")
            schema = spec["inputSchema"]["json"]
            require(schema.get("type") == "object", "toolSpec.inputSchema.json.type must be object")
            names.add(spec["name"])
    choice = config.get("toolChoice") or {"auto": {}}
    require(
        choice.keys() <= {"auto", "any", "tool"} and len(choice) == 1,
        "toolChoice must be one of auto, any, tool",
    )
    require("tool" not in choice or choice["tool"]["name"] in names, "toolChoice names an unknown tool")
    return names


def _check_messages(messages: Any) -> None:
    require(isinstance(messages, list) and messages, "messages must not be empty")
    open_calls: list[str] = []
    documents: set[str] = set()
    for at, message in enumerate(messages):
        place = f"messages.{at}"
        require(
            message["role"] == ("user", "assistant")[at % 2], f"{place}: roles must alternate, the user first"
        )
        require(message["content"], f"{place}.content must not be empty")
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        require(
            sorted(results) == sorted(open_calls),
            f"{place}: the number of toolResult blocks must be that of toolUse blocks of the previous turn",
        )
        open_calls = [
            _check_tool_use(block["toolUse"], place) for block in message["content"] if "toolUse" in block
        ]
        for number, block in enumerate(message["content"]):
            _check_block(block, f"{place}.content.{number}", documents)
        kinds = {kind for block in message["content"] for kind in block}
        require("document" not in kinds or "text" in kinds, f"{place}: a document needs text beside it")
    require(not open_calls, "the last turn has toolUse blocks without results")


def _check_tool_use(tool_use: Json, place: str) -> str:
    require(ID.fullmatch(tool_use["toolUseId"]), f"{place}: toolUseId must match {ID.pattern}")
    require(NAME.fullmatch(tool_use["name"]), f"{place}: toolUse.name must match {NAME.pattern}")
    require(isinstance(tool_use["input"], dict), f"{place}: toolUse.input must be an object")
    return str(tool_use["toolUseId"])


def _check_block(block: Json, place: str, documents: set[str]) -> None:
    require(len(block) == 1, f"{place} must have exactly one member")
    match block:
        case {"text": text}:
            require(isinstance(text, str) and text.strip(), BLANK.format(place))
        case {"image": image}:
            require(image["format"] in IMAGES, f"{place}: unsupported image format")
            _check_source(image["source"], place)
        case {"document": document}:
            require(DOCUMENT.fullmatch(document["name"]), f"{place}: the name of the document is malformed")
            require(document["name"] not in documents, f"{place}: two documents have the same name")
            documents.add(document["name"])
            _check_source(document["source"], place)
        case {"toolResult": result}:
            require(result["content"], f"{place}: a result must not be empty")
            for inner in result["content"]:
                _check_block(inner, f"{place}.toolResult", documents)


def _check_source(source: Json, place: str) -> None:
    require(
        source.keys() <= {"bytes", "s3Location"} and len(source) == 1, f"{place}: a source is bytes or in S3"
    )
    try:
        data = base64.b64decode(source.get("bytes", "-"), validate="bytes" in source)
    except binascii.Error:
        data = b""
    require(data or "bytes" not in source, f"{place}: the bytes are not in base64")


def _uses(body: Json) -> Iterator[Json]:
    for message in body["messages"]:
        yield from (block for block in message["content"] if "toolUse" in block or "toolResult" in block)
