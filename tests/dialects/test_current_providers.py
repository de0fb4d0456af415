"""Features that providers of late 2026 accept and send, in each dialect that has them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes.rendering import render_body
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import DIALECTS, load_dialect, repair, response_shape
from vaultcore.errors import InvalidRequest
from vaultcore.streams.sse import Event
from vaultcore.upstream.provider_request import render
from vaultcore.usage.units import count_units

HI = {"role": "user", "content": "hi"}
NOTE = {"role": "system", "content": "note"}
CALL = {"id": "call_0001", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_0001", "content": "found"}
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens")


def target(dialect: str, **fields: Any) -> Target:
    provider = Provider("acme", "https://api.acme.test/v1", dialect=dialect, **fields)
    return Target(
        provider, Model("anthropic.claude-x", max_output_tokens=16_384, capabilities=Capabilities())
    )


def find(value: object, names: tuple[str, ...]) -> list[object]:
    """Return the values of the named fields, at any depth."""
    match value:
        case dict():
            own = [item for name, item in value.items() if name in names]
            return own + [match for item in value.values() for match in find(item, names)]
        case list():
            return [match for item in value for match in find(item, names)]
        case _:
            return []


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a01_lengths_are_held_to_the_models_maximum(dialect: str, field: str) -> None:
    """A length above what the model writes becomes the model's maximum, and the report says so."""
    request: Any = chat.parse_request({"model": "m", "messages": [HI], field: 32_000})
    rendered = load_dialect(dialect).render_request(request, target(dialect))

    assert find(rendered.body, LIMITS) == [16_384]
    assert ("clamped", 32_000, 16_384) in {(each.kind, each.was, each.now) for each in rendered.changes}


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object"}, {"properties": {}}])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_x09_every_function_has_an_objects_schema(dialect: str, parameters: Any) -> None:
    """Missing, empty and typeless parameters become the schema of an object without properties."""
    tool = {"type": "function", "function": {"name": "look", "parameters": parameters}}
    body = render_body(
        load_dialect(dialect), {"model": "m", "messages": [HI], "tools": [tool]}, target(dialect)
    )

    schemas = find(body["tools" if "tools" in body else "toolConfig"], ("parameters", "input_schema", "json"))
    schemas += find(body, ("parametersJsonSchema",))
    assert len(schemas) == 1
    assert isinstance(schemas[0], dict)
    assert schemas[0]["type"] == "object"


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        ([HI, NOTE], ["system", "user"]),
        ([NOTE], ["system", "user"]),
        ([HI, CALLING, RESULT, NOTE], ["user", "system", "assistant", "tool"]),
        ([HI, {"role": "assistant", "content": "so"}], ["user", "assistant", "user"]),
    ],
)
def test_c15_system_messages_at_the_end(messages: Any, roles: list[str]) -> None:
    """Cohere gets a system message at the end before the last turn; only an assistant is told to continue."""
    body = render_body(load_dialect("cohere"), {"model": "m", "messages": messages}, target("cohere"))

    assert [message["role"] for message in body["messages"]] == roles
    continues = "Continue your last message" in json.dumps(body["messages"])
    assert continues == (messages[-1]["role"] == "assistant")


def test_c11_reasoning_and_text_with_one_index() -> None:
    """A content index that has reasoning first and text later gives both, each in its field."""
    parts = (
        ("content-start", {"type": "thinking", "thinking": ""}),
        ("content-delta", {"thinking": "Hm."}),
        ("content-delta", {"text": "Hello"}),
    )
    events = [
        {"type": kind, "index": 0, "delta": {"message": {"content": content}}} for kind, content in parts
    ]
    decoder = load_dialect("cohere").create_decoder()
    deltas: list[Any] = [
        chunk["choices"][0]["delta"] for event in events for chunk in decoder.feed(Event(json.dumps(event)))
    ]

    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "Hm."
    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello"


def test_b27_a_block_with_an_empty_start() -> None:
    """Text after a Bedrock event that starts a block without saying its kind reaches the client."""
    decoder = load_dialect("bedrock").create_decoder()
    events = [
        Event(json.dumps({"contentBlockIndex": 0, "start": {}}), "contentBlockStart"),
        Event(json.dumps({"contentBlockIndex": 0, "delta": {"text": "Hello"}}), "contentBlockDelta"),
    ]
    deltas: list[Any] = [chunk["choices"][0]["delta"] for event in events for chunk in decoder.feed(event)]

    assert "".join(delta.get("content") or "" for delta in deltas) == "Hello"


def test_g22_public_images_pass_to_gemini_by_their_url() -> None:
    """Gemini gets an https image as fileData, with the MIME type that its name shows."""
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    message = {"role": "user", "content": [image]}
    body = render_body(load_dialect("gemini"), {"model": "m", "messages": [message]}, target("gemini"))

    (part,) = body["contents"][0]["parts"]
    assert part == {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}}


@pytest.mark.parametrize("data", [f"{PNG[:40]}*{PNG[41:]}", f"{PNG}x", PNG[:-3]])
@pytest.mark.parametrize("dialect", ["anthropic", "bedrock", "gemini"])
def test_x18_base64_is_checked_to_its_end(dialect: str, data: str) -> None:
    """Data that is not base64 is the client's error, wherever the fault is; unpadded data is accepted."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    request = {"model": "m", "messages": [{"role": "user", "content": [image]}]}

    with pytest.raises(InvalidRequest, match="base64") as caught:
        render_body(load_dialect(dialect), request, target(dialect))
    assert caught.value.param == "messages[0].content[0].image_url.url"


@pytest.mark.parametrize("dialect", ["anthropic", "bedrock", "gemini"])
def test_x18_base64_variants_are_accepted(dialect: str) -> None:
    """The URL-safe alphabet, line breaks and missing padding are accepted."""
    data = PNG.replace("+", "-").replace("/", "_").rstrip("=")
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data[:20]}\n{data[20:]}"}}
    request = {"model": "m", "messages": [{"role": "user", "content": [image]}]}

    assert render_body(load_dialect(dialect), request, target(dialect))


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("flat_schema", [False, True], ids=["OpenAI", "Together"])
def test_q10_schemas_beside_the_type(nested: bool, flat_schema: bool) -> None:
    """A client may send the schema in Together's form or OpenAI's; each provider gets its own."""
    schema = {"type": "object", "properties": {}}
    fields = {"json_schema": {"name": "answer", "schema": schema}} if nested else {"schema": schema}
    request = {"model": "m", "messages": [HI], "response_format": {"type": "json_schema", **fields}}
    body = render_body(load_dialect("openai"), request, target("openai", flat_schema=flat_schema))

    expected = {"schema": schema} if flat_schema else {"json_schema": {"name": "answer", "schema": schema}}
    assert body["response_format"] == {"type": "json_schema", **expected}


def test_gr02_a_blocked_prompt_has_its_explanation() -> None:
    """Google's explanation of a blocked prompt is the refusal, whole and streamed."""
    body = {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not that."}}
    dialect = load_dialect("gemini")
    decoder = dialect.create_decoder()
    (choice,) = dialect.parse_response(body)["choices"]
    chunks = [*decoder.feed(Event(json.dumps(body))), *decoder.close()]
    deltas: list[Any] = [each["delta"] for chunk in chunks for each in chunk["choices"]]

    assert (choice["message"]["refusal"], choice["finish_reason"]) == ("Not that.", "content_filter")
    assert [delta["refusal"] for delta in deltas if delta.get("refusal")] == ["Not that."]


def test_u02_a_total_without_the_cached_tokens() -> None:
    """More cached tokens than prompt tokens are charged; the client gets the provider's own numbers."""
    usage = {"prompt_tokens": 24, "completion_tokens": 2, "total_tokens": 26}
    repaired = repair.repair_usage({**usage, "prompt_tokens_details": {"cached_tokens": 161}})

    assert repaired is not None
    assert repaired["reported"] == usage
    units = {name: count for name, count in (count_units(repaired) or {}).items() if count}
    assert units == {"input": 24, "cache_read": 161, "output": 2}


def test_g21_bytes_of_tokens_in_base64() -> None:
    """The bytes of a token are a list of numbers, also if the provider sends base64."""
    token: dict[str, Any] = {"token": "Hi", "logprob": 0.0, "bytes": "SGk=", "top_logprobs": []}
    choice: dict[str, Any] = {"finish_reason": "stop", "logprobs": {"content": [token]}}
    response_shape.check_choice(choice)

    assert choice["logprobs"]["content"][0]["bytes"] == [72, 105]


def test_q08_rows_may_keep_parallel_tool_calls_without_tools() -> None:
    """A provider that accepts `parallel_tool_calls` without tools gets it; others do not."""
    request = {"model": "m", "messages": [HI], "parallel_tool_calls": False}
    bodies = [
        render_body(load_dialect("openai"), request, target("openai", parallel_without_tools=accepts))
        for accepts in (False, True)
    ]

    assert ["parallel_tool_calls" in body for body in bodies] == [False, True]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a12_two_turns_with_calls_keep_their_results(dialect: str) -> None:
    """Results that come after two assistant messages reach the provider, each for its own call."""
    second = {**CALLING, "tool_calls": [{**CALL, "id": "call_0002"}]}
    results = [RESULT, {**RESULT, "tool_call_id": "call_0002", "content": "found more"}]
    request: Any = {"model": "m", "messages": [HI, CALLING, second, *results]}
    rendered = render(target(dialect), chat.parse_request(request)).rendered
    body = json.dumps(rendered.body)

    assert "No result was given" not in body
    assert body.index("found") < body.index("found more")
    assert "sent as user text" not in json.dumps([each.reason for each in rendered.changes])
