"""What a Gemini-style provider refuses in a request."""

from __future__ import annotations

import re

from vaultcore.simulators.faults import Refused
from vaultcore.simulators.reply import Json

KNOWN = frozenset(  # whatever else a request has at its top level is refused
    [
        *("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig"),
        *("cachedContent", "serviceTier", "store", "labels"),
        *("model", "stream"),  # of the path
    ]
)
CONFIG = frozenset(
    [
        *("stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities"),
        *("candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed", "presencePenalty"),
        *(
            "frequencyPenalty",
            "responseLogprobs",
            "logprobs",
            "speechConfig",
            "thinkingConfig",
            "imageConfig",
        ),
        *("mediaResolution", "enableEnhancedCivicAnswers"),
    ]
)
DATA = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"),
    *("codeExecutionResult", "toolCall", "toolResponse"),
)
SCHEMA = frozenset(
    [
        *("$ref", "$defs", "$id", "$anchor", "type", "format", "title", "description", "enum", "items"),
        *("prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties"),
        *("additionalProperties", "required", "propertyOrdering", "default", "minLength", "maxLength"),
        *("pattern", "minProperties", "maxProperties", "nullable"),
    ]
)
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
NUMBER = re.compile(r"gemini-(\d+)")
MODES = ("AUTO", "ANY", "NONE", "VALIDATED")
LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
FILES = (
    "gs://",
    "https://generativelanguage.googleapis.com/",
    "https://www.youtube.com/",
    "https://youtu.be/",
)
SKIP = "skip_thought_signature_validator"


def rule(kept: object, message: str) -> None:
    if not kept:
        raise Refused(400, "invalid_request_error", message)


def newer(body: Json) -> bool:
    """Whether the model is of the third generation or later."""
    found = NUMBER.search(str(body.get("model")))
    return found is None or int(found[1]) >= 3


def check_request(body: Json) -> None:
    for name in body:
        rule(name in KNOWN, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    declared = _check_tools(body)
    _check_config(body, declared)
    system = body.get("systemInstruction")
    rule(system is None or system.get("parts"), "system_instruction.parts: must not be empty")
    contents = body.get("contents")
    rule(isinstance(contents, list) and contents, "contents is not specified")
    for at, content in enumerate(contents if isinstance(contents, list) else []):
        _check_content(content, f"contents[{at}]")
    _check_turns(body)


def blocks(content: Json, kind: str) -> list[Json]:
    return [part[kind] for part in content["parts"] if kind in part]


def parameters(declared: Json) -> Json:
    """The schema of a function's arguments, in the two spellings of a field that the API knows."""
    told = declared.get("parametersJsonSchema") or declared.get("parameters_json_schema")
    return told or {"type": "object"}


def _check_tools(body: Json) -> list[str]:
    declared = [each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []]
    for each in declared:
        rule(NAME.fullmatch(str(each.get("name"))), "Invalid function name.")
        rule(
            "parameters" not in each or "parametersJsonSchema" not in each,
            "parameters and parameters_json_schema are mutually exclusive",
        )
        check_schema(parameters(each), f"{each['name']}.parameters")
    names = [each["name"] for each in declared]
    rule(len(set(names)) == len(names), "Duplicate function declaration found.")
    servers = [tool for tool in body.get("tools") or [] if "functionDeclarations" not in tool]
    rule(newer(body) or not (names and servers), "Tool use with function calling is unsupported")
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    rule(not calling or names, "Function calling config is set without function_declarations.")
    rule(calling.get("mode", "AUTO") in MODES, "Invalid function calling mode.")
    allowed = calling.get("allowedFunctionNames")
    rule(
        allowed is None or (calling.get("mode") in ("ANY", "VALIDATED") and set(allowed) <= set(names)),
        "allowed_function_names should be a subset of the function declarations.",
    )
    return names


def check_schema(schema: object, place: str) -> None:
    rule(isinstance(schema, dict), f"{place}: must be a schema")
    assert isinstance(schema, dict)  # noqa: S101 - the rule above
    for key, value in schema.items():
        rule(key in SCHEMA, f'Unknown name "{key}" at {place}: Cannot find field.')
        rule(key != "$ref" or all(name.startswith("$") for name in schema), f"{place}: $ref stands alone")
        if key == "enum":
            plain = all(isinstance(item, str | int | float) and item != "" for item in value)
            rule(value and plain, f"{place}.enum: strings and numbers only")
        for name, inner in _inner(key, value):
            check_schema(inner, f"{place}.{name}")


def _inner(key: str, value: object) -> list[tuple[str, object]]:
    match key, value:
        case (("properties" | "$defs"), dict()):
            return [(f"{key}.{name}", item) for name, item in value.items()]
        case (("anyOf" | "oneOf" | "prefixItems"), list()):
            return [(f"{key}[{at}]", item) for at, item in enumerate(value)]
        case (("items" | "additionalProperties"), dict()):
            return [(key, value)]
        case _:
            return []


def _check_config(body: Json, declared: list[str]) -> None:
    config: Json = body.get("generationConfig") or {}
    for name in config:
        rule(name in CONFIG, f'Unknown name "{name}" at generation_config: Cannot find field.')
    rule(len(config.get("stopSequences") or []) <= 5, "stop_sequences: at most 5")
    rule(config.get("maxOutputTokens", 1) > 0, "max_output_tokens must be positive")
    rule(0 <= config.get("temperature", 1) <= 2, "temperature must be in the range [0.0, 2.0]")
    json_asked = config.get("responseMimeType") == "application/json"
    rule(json_asked or "responseJsonSchema" not in config, "response_json_schema needs application/json")
    if "responseJsonSchema" in config:
        check_schema(config["responseJsonSchema"], "response_json_schema")
    rule(newer(body) or not (json_asked and declared), "Function calling with JSON is unsupported")
    thinking = config.get("thinkingConfig") or {}
    rule(
        not {"thinkingBudget", "thinkingLevel"} <= thinking.keys(),
        "You can only set only one of thinking budget and thinking level.",
    )
    rule("thinkingLevel" not in thinking or newer(body), "Thinking level is not supported for this model.")
    rule(thinking.get("thinkingLevel", "LOW") in LEVELS, "Invalid thinking level.")


def _check_content(content: Json, place: str) -> None:
    rule(content.get("role") in ("user", "model"), "Please use a valid role: user, model.")
    rule(isinstance(content.get("parts"), list) and content["parts"], f"{place}.parts: must not be empty")
    for at, part in enumerate(content["parts"]):
        held = [name for name in DATA if name in part]
        rule(
            len(held) == 1 or (not held and "thoughtSignature" in part),
            f"{place}.parts[{at}].data: required oneof field must have one initialized field",
        )
    for blob in blocks(content, "inlineData"):
        rule(blob.get("mimeType") and blob.get("data"), f"{place}: Unsupported MIME type")
    for file in blocks(content, "fileData"):
        rule(str(file.get("fileUri")).startswith(FILES), f"{place}: Unsupported file URI")
    for call in [*blocks(content, "functionCall"), *blocks(content, "functionResponse")]:
        rule(NAME.fullmatch(str(call.get("name"))), f"{place}: Invalid function name.")
        held_by = call.get("response", call.get("args", {}))
        rule(isinstance(held_by, dict), f"{place}: must be an object")


def _check_turns(body: Json) -> None:
    """Who may speak after whom, and that calls and their responses are as many and in order."""
    contents: list[Json] = body["contents"]
    rule(contents[0]["role"] == "user", "Please ensure that the conversation starts with a user turn.")
    for at, content in enumerate(contents):
        called, answered = blocks(content, "functionCall"), blocks(content, "functionResponse")
        rule(not called or content["role"] == "model", "A function call comes from the model.")
        rule(not answered or len(answered) == len(content["parts"]), "function responses stand alone")
        if called:
            rule(at and contents[at - 1]["role"] == "user", "A function call comes after a user turn.")
            _check_calls(body, content)
        if answered:
            before = blocks(contents[at - 1], "functionCall") if at else []
            rule(
                [call["name"] for call in before] == [response["name"] for response in answered]
                and [call.get("id") for call in before] == [response.get("id") for response in answered],
                "Please ensure that the number of function response parts is equal to the number of "
                "function call parts of the function call turn.",
            )


def _check_calls(body: Json, content: Json) -> None:
    for call in blocks(content, "functionCall"):
        rule("id" not in call or newer(body), 'Unknown name "id" at function_call: Cannot find field.')
    first = next(part for part in content["parts"] if "functionCall" in part)
    rule(
        "thoughtSignature" in first or not newer(body),
        f"Function call `{first['functionCall']['name']}` is missing a thought_signature.",
    )
