"""What Bedrock's Converse refuses: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from vaultcore.simulators.faults import Refused

Json = dict[str, Any]
KNOWN = frozenset(  # whatever else a request has at its top level is refused
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
ADDRESSED = {"model", "stream"}  # what the address says, not the body
LIMITS = {"maxTokens": (1, 1 << 31), "temperature": (0, 1), "topP": (0, 1)}
ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
DOCUMENT = re.compile(r"(?!.*\s\s)[A-Za-z0-9\s()\[\]_-]{1,200}")
LABEL = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}")
MOST_LABELS, MOST_CACHE_POINTS = 16, 4
IMAGES = ("png", "jpeg", "gif", "webp")
BLANK = "The text field in the ContentBlock object at {} is blank. Add text to the text field, and try again."


def check_request(body: Json) -> None:
    """Raise Refused where the request breaks a rule."""
    for name in body:
        rule(name in KNOWN | ADDRESSED, f"{name} is not known")
    _check_limits(body.get("inferenceConfig") or {})
    for block in body.get("system") or []:
        rule("text" not in block or block["text"].strip(), BLANK.format("system"))
    names = _check_tools(body.get("toolConfig"))
    _check_turns(body.get("messages"))
    rule(names or not any(_uses(body)), "The toolConfig field must be defined when using toolUse blocks.")
    labels = body.get("requestMetadata") or {}
    rule(len(labels) <= MOST_LABELS, "requestMetadata has too many members")
    rule(
        all(LABEL.fullmatch(text) for pair in labels.items() for text in pair), "requestMetadata is malformed"
    )
    marked = [*(body.get("system") or []), *(body.get("toolConfig") or {}).get("tools", ())]
    marked += [block for turn in body["messages"] for block in turn["content"]]
    rule(sum("cachePoint" in block for block in marked) <= MOST_CACHE_POINTS, "too many cache points")


def rule(kept: object, message: str) -> None:
    if not kept:
        raise Refused(400, "ValidationException", message)


def _check_limits(limits: Json) -> None:
    for name, value in limits.items():
        if name == "stopSequences":
            rule(all(stop.strip() for stop in value), "stopSequences must not be blank")
            continue
        rule(name in LIMITS, f"inferenceConfig.{name} is not known")
        least, most = LIMITS[name]
        rule(least <= value <= most, f"inferenceConfig.{name} must be {least} to {most}")


def _check_tools(config: Json | None) -> set[str]:
    if config is None:
        return set()
    rule(config.get("tools"), "toolConfig.tools must not be empty")
    names = set()
    for tool in config["tools"]:
        spec = tool.get("toolSpec")
        if spec is not None:
            rule(NAME.fullmatch(spec["name"]), f"toolSpec.name must match {NAME.pattern}")
            rule(spec.get("description", "-").strip(), "toolSpec.description must not be empty")
            schema = spec["inputSchema"]["json"]
            rule(schema.get("type") == "object", "toolSpec.inputSchema.json.type must be object")
            names.add(spec["name"])
    choice = config.get("toolChoice") or {"auto": {}}
    rule(
        choice.keys() <= {"auto", "any", "tool"} and len(choice) == 1,
        "toolChoice must be one of auto, any, tool",
    )
    rule("tool" not in choice or choice["tool"]["name"] in names, "toolChoice names no tool that is given")
    return names


def _check_turns(turns: Any) -> None:
    rule(isinstance(turns, list) and turns, "messages must not be empty")
    used: list[str] = []
    documents: set[str] = set()
    for at, turn in enumerate(turns):
        place = f"messages.{at}"
        rule(turn["role"] == ("user", "assistant")[at % 2], f"{place}: roles must alternate, the user first")
        rule(turn["content"], f"{place}.content must not be empty")
        results = [block["toolResult"]["toolUseId"] for block in turn["content"] if "toolResult" in block]
        rule(
            sorted(results) == sorted(used),
            f"{place}: the number of toolResult blocks must be that of toolUse blocks of the turn before",
        )
        used = [_use(block["toolUse"], place) for block in turn["content"] if "toolUse" in block]
        for number, block in enumerate(turn["content"]):
            _check_block(block, f"{place}.content.{number}", documents)
        kinds = {kind for block in turn["content"] for kind in block}
        rule("document" not in kinds or "text" in kinds, f"{place}: a document needs text beside it")
    rule(not used, "the last turn has toolUse blocks without results")


def _use(told: Json, place: str) -> str:
    rule(ID.fullmatch(told["toolUseId"]), f"{place}: toolUseId must match {ID.pattern}")
    rule(NAME.fullmatch(told["name"]), f"{place}: toolUse.name must match {NAME.pattern}")
    rule(isinstance(told["input"], dict), f"{place}: toolUse.input must be an object")
    return str(told["toolUseId"])


def _check_block(block: Json, place: str, documents: set[str]) -> None:
    rule(len(block) == 1, f"{place} must have exactly one member")
    match block:
        case {"text": text}:
            rule(isinstance(text, str) and text.strip(), BLANK.format(place))
        case {"image": image}:
            rule(image["format"] in IMAGES, f"{place}: no such format of images")
            _check_source(image["source"], place)
        case {"document": document}:
            rule(DOCUMENT.fullmatch(document["name"]), f"{place}: the name of the document is malformed")
            rule(document["name"] not in documents, f"{place}: two documents have the same name")
            documents.add(document["name"])
            _check_source(document["source"], place)
        case {"toolResult": result}:
            rule(result["content"], f"{place}: a result must not be empty")
            for inner in result["content"]:
                _check_block(inner, f"{place}.toolResult", documents)


def _check_source(source: Json, place: str) -> None:
    rule(
        source.keys() <= {"bytes", "s3Location"} and len(source) == 1, f"{place}: a source is bytes or in S3"
    )
    try:
        data = base64.b64decode(source.get("bytes", "-"), validate="bytes" in source)
    except binascii.Error:
        data = b""
    rule(data or "bytes" not in source, f"{place}: the bytes are not in base64")


def _uses(body: Json) -> Iterator[Json]:
    for turn in body["messages"]:
        yield from (block for block in turn["content"] if "toolUse" in block or "toolResult" in block)
