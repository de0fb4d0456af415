"""The rules of a simulated Gemini-style provider: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

import re

from vaultcore.simulators.faults import SimulatedError
from vaultcore.simulators.reply import Json

ALLOWED_FIELDS = frozenset(  # other top-level fields are rejected
    [
        *("contents", "systemInstruction", "tools", "toolConfig", "safetySettings", "generationConfig"),
        *("cachedContent", "serviceTier", "store", "labels"),
        *("model", "stream"),  # parts of the path
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
        *("mediaResolution", "enableEnhancedCivicAnswers", "responseFormat", "modelSelectionConfig"),
    ]
)
DATA = (
    *("text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode"),
    *("codeExecutionResult", "toolCall", "toolResponse"),
)
SCHEMA = frozenset(
    [
        *(
            "$schema",
            "$ref",
            "$defs",
            "$id",
            "$anchor",
            "type",
            "format",
            "title",
            "description",
            "enum",
            "items",
        ),
        *("prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties"),
        *("additionalProperties", "required", "propertyOrdering", "default", "minLength", "maxLength"),
        *("pattern", "minProperties", "maxProperties", "nullable"),
    ]
)
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")
NUMBER = re.compile(r"gemini-(\d+)")
MODES = ("AUTO", "ANY", "NONE", "VALIDATED")
LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH")
FILES = ("gs://", "https://")  # Google fetches public files of any host
SKIP = "skip_thought_signature_validator"


def require(condition: object, message: str) -> None:
    if not condition:
        raise SimulatedError(400, "invalid_request_error", message)


def is_gemini_3_or_later(body: Json) -> bool:
    """Return True if the model is of the third generation or later, or unnamed."""
    match = NUMBER.search(str(body.get("model")))
    return match is None or int(match[1]) >= 3


def check_request(body: Json) -> None:
    for name in body:
        require(
            name in ALLOWED_FIELDS,
            f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.',
        )
    names = _check_tools(body)
    _check_config(body, names)
    system = body.get("systemInstruction")
    require(system is None or system.get("parts"), "system_instruction.parts: must not be empty")
    contents = body.get("contents")
    require(isinstance(contents, list) and contents, "contents is not specified")
    for at, content in enumerate(contents if isinstance(contents, list) else []):
        _check_content(content, f"contents[{at}]")
    _check_conversation(body)


def blocks(content: Json, kind: str) -> list[Json]:
    return [part[kind] for part in content["parts"] if kind in part]


def parameters(declaration: Json) -> Json:
    """Return the schema of a function's arguments, a JSON schema or a Schema of Google's."""
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters_json_schema")
    return schema or as_json_schema(declaration.get("parameters")) or {"type": "object"}


def as_json_schema(schema: object) -> Json:
    """Return a Schema of Google's, whose types are in capitals, as a JSON schema."""
    match schema:
        case dict():
            return {name: _as_keyword(name, value) for name, value in schema.items()}
        case _:
            return {}


def _as_keyword(name: str, value: object) -> object:
    match name, value:
        case "type", str():
            return value.lower()
        case (("properties" | "$defs"), dict()):
            return {key: as_json_schema(inner) for key, inner in value.items()}
        case (("items" | "additionalProperties"), dict()):
            return as_json_schema(value)
        case ("anyOf", list()):
            return [as_json_schema(inner) for inner in value]
        case _:
            return value


def _check_tools(body: Json) -> list[str]:
    declarations = [
        each for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []
    ]
    for each in declarations:
        require(NAME.fullmatch(str(each.get("name"))), "Invalid function name.")
        require(
            "parameters" not in each or "parametersJsonSchema" not in each,
            "parameters and parameters_json_schema are mutually exclusive",
        )
        check_schema(parameters(each), f"{each['name']}.parameters")
    names = [each["name"] for each in declarations]
    require(len(set(names)) == len(names), "Duplicate function declaration found.")
    servers = [tool for tool in body.get("tools") or [] if "functionDeclarations" not in tool]
    require(
        is_gemini_3_or_later(body) or not (names and servers), "Tool use with function calling is unsupported"
    )
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    require(not calling or names, "Function calling config is set without function_declarations.")
    require(calling.get("mode", "AUTO") in MODES, "Invalid function calling mode.")
    allowed = calling.get("allowedFunctionNames")
    require(
        allowed is None or (calling.get("mode") in ("ANY", "VALIDATED") and set(allowed) <= set(names)),
        "allowed_function_names should be a subset of the function declarations.",
    )
    return names


def check_schema(schema: object, place: str) -> None:
    require(isinstance(schema, dict), f"{place}: must be a schema")
    assert isinstance(schema, dict)  # noqa: S101 - the rule above
    for key, value in schema.items():
        require(key in SCHEMA, f'Unknown name "{key}" at {place}: Cannot find field.')
        require(key != "$ref" or all(name.startswith("$") for name in schema), f"{place}: $ref stands alone")
        if key == "enum":
            plain = all(isinstance(item, str | int | float) and item != "" for item in value)
            require(value and plain, f"{place}.enum: strings and numbers only")
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


def _check_config(body: Json, names: list[str]) -> None:
    config: Json = body.get("generationConfig") or {}
    for name in config:
        require(name in CONFIG, f'Unknown name "{name}" at generation_config: Cannot find field.')
    require(len(config.get("stopSequences") or []) <= 5, "stop_sequences: at most 5")
    require(config.get("maxOutputTokens", 1) > 0, "max_output_tokens must be positive")
    require(0 <= config.get("temperature", 1) <= 2, "temperature must be in the range [0.0, 2.0]")
    is_json = config.get("responseMimeType") == "application/json"
    require(is_json or "responseJsonSchema" not in config, "response_json_schema needs application/json")
    if "responseJsonSchema" in config:
        check_schema(config["responseJsonSchema"], "response_json_schema")
    require(
        is_gemini_3_or_later(body) or not (is_json and names), "Function calling with JSON is unsupported"
    )
    thinking = config.get("thinkingConfig") or {}
    require(
        not {"thinkingBudget", "thinkingLevel"} <= thinking.keys(),
        "You can only set only one of thinking budget and thinking level.",
    )
    require(
        "thinkingLevel" not in thinking or is_gemini_3_or_later(body),
        "Thinking level is not supported for this model.",
    )
    require(thinking.get("thinkingLevel", "LOW") in LEVELS, "Invalid thinking level.")


def _check_content(content: Json, place: str) -> None:
    require(content.get("role") in ("user", "model"), "Please use a valid role: user, model.")
    require(isinstance(content.get("parts"), list) and content["parts"], f"{place}.parts: must not be empty")
    for at, part in enumerate(content["parts"]):
        fields = [name for name in DATA if name in part]
        require(
            len(fields) == 1 or (not fields and "thoughtSignature" in part),
            f"{place}.parts[{at}].data: required oneof field must have one initialized field",
        )
    for blob in blocks(content, "inlineData"):
        require(blob.get("mimeType") and blob.get("data"), f"{place}: Unsupported MIME type")
    for file in blocks(content, "fileData"):
        require(str(file.get("fileUri")).startswith(FILES), f"{place}: Unsupported file URI")
    for call in [*blocks(content, "functionCall"), *blocks(content, "functionResponse")]:
        require(NAME.fullmatch(str(call.get("name"))), f"{place}: Invalid function name.")
        payload = call.get("response", call.get("args", {}))
        require(isinstance(payload, dict), f"{place}: must be an object")
    for response in blocks(content, "functionResponse"):
        for part in response.get("parts") or ():
            is_media = len(part) == 1 and part.keys() <= {"inlineData", "fileData"}
            require(is_media, f"{place}: a part of a function response has inline_data or file_data")


def _check_conversation(body: Json) -> None:
    """Check the order of roles, and that calls and their responses match in number and order."""
    contents = _join_turns(body["contents"])
    require(contents[0]["role"] == "user", "Please ensure that the conversation starts with a user turn.")
    for at, content in enumerate(contents):
        calls, responses = blocks(content, "functionCall"), blocks(content, "functionResponse")
        require(not calls or content["role"] == "model", "A function call comes from the model.")
        require(not responses or len(responses) == len(content["parts"]), "function responses stand alone")
        if calls:
            require(at and contents[at - 1]["role"] == "user", "A function call comes after a user turn.")
            _check_calls(body, content)
        has_media = any("parts" in response for response in responses)
        text = "Multimodal function response is not supported for this model."
        require(not has_media or is_gemini_3_or_later(body), text)
        if responses:
            previous = blocks(contents[at - 1], "functionCall") if at else []
            require(
                len(previous) == len(responses) and all(map(_answers, responses, previous)),
                "Please ensure that the number of function response parts is equal to the number of "
                "function call parts of the function call turn.",
            )


def _join_turns(contents: list[Json]) -> list[Json]:
    """Return the contents with those of the model in a row as one: clients send the chunks of a stream so."""
    joined: list[Json] = []
    for content in contents:
        if joined and content["role"] == joined[-1]["role"] == "model":
            joined[-1] = {**content, "parts": [*joined[-1]["parts"], *content["parts"]]}
        else:
            joined.append(content)
    return joined


def _answers(response: Json, call: Json) -> bool:
    """Return True if a response has the name of a call and, if it has an id, the call's."""
    return response["name"] == call["name"] and response.get("id") in (None, call.get("id"))


def _check_calls(body: Json, content: Json) -> None:
    for call in blocks(content, "functionCall"):
        require(
            "id" not in call or is_gemini_3_or_later(body),
            'Unknown name "id" at function_call: Cannot find field.',
        )
    first = next(part for part in content["parts"] if "functionCall" in part)
    require(
        "thoughtSignature" in first or not is_gemini_3_or_later(body),
        f"Function call `{first['functionCall']['name']}` is missing a thought_signature.",
    )
