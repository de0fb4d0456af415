"""Properties of every rendered generateContent request, for random conversations."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.fakes.rendering import render_body
from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.dialects import gemini
from vaultcore.simulators import gemini as simulator
from vaultcore.simulators.gemini_rules import check_request
from vaultcore.simulators.reply import generate_reply
from vaultcore.streams import sse

FIELDS: dict[str, TypeAdapter[Any]] = {
    "contents": TypeAdapter(list[types.Content]),
    "systemInstruction": TypeAdapter(types.Content),
    "tools": TypeAdapter(list[types.Tool]),
    "toolConfig": TypeAdapter(types.ToolConfig),
    "generationConfig": TypeAdapter(types.GenerationConfig),
    "safetySettings": TypeAdapter(list[types.SafetySetting]),
    "serviceTier": TypeAdapter(str),
    "cachedContent": TypeAdapter(str),
}
RESPONSE: TypeAdapter[Any] = TypeAdapter(types.GenerateContentResponse)
PNG = "data:image/png;base64,iVBORw0KGgo="
texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍", "call look", "end \n"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.just({"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}),
    st.just({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
)
contents = st.one_of(texts, st.lists(parts, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "functions.f:0", "ü", "call_1 "])
call_state = st.sampled_from(
    [
        {},
        {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}},
        {"extra_content": {"google": {"thought_signature": 7}}},
        {"extra_content": None},
    ]
)
calls = st.builds(
    lambda key, name, arguments, extra: {
        "id": key,
        "type": "function",
        "function": {"name": name, "arguments": arguments},
        **extra,
    },
    ids,
    st.sampled_from(["look", "find it", "9lives", ""]),
    st.sampled_from(["", "{}", '{"a": [1, {"b": null}]}', "[1]", "null", "{broken", '{"n": NaN}']),
    call_state,
)
opaque_state = st.sampled_from(
    [
        {},
        {
            "extra_content": {
                "google": {
                    "parts": [{"index": 0, "start": 0, "end": 2, "part": {"thoughtSignature": "c2ln"}}]
                }
            }
        },
        {"extra_content": {"google": {"parts": [{"start": 3, "end": 1, "part": {"functionCall": {}}}]}}},
        {
            "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
            "reasoning_content": "hm",
        },
    ]
)
messages = st.one_of(
    st.builds(lambda content: {"role": "user", "content": content}, contents),
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer"]),
        texts,
    ),
    st.builds(
        lambda content, calls, state: {
            "role": "assistant",
            "content": content,
            **state,
            **({"tool_calls": calls} if calls else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        opaque_state,
    ),
    st.builds(
        lambda key, content: {"role": "tool", "tool_call_id": key, "content": content},
        ids,
        st.one_of(texts, st.just('{"a": {"$ref": "x"}}'), st.lists(parts, max_size=2)),
    ),
)
LOOK = {
    "type": "function",
    "function": {"name": "look", "parameters": {"properties": {"a": {"type": "string"}}}},
}
SHAPE = {
    "type": "json_schema",
    "json_schema": {"name": "n", "schema": {"type": "object", "maxProperties": 2}},
}
fields = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "top_p": st.floats(0, 1),
        "stop": st.sampled_from(["x", ["a", "", "a", "b", "c", "d", "e", "f"]]),
        "max_tokens": st.sampled_from([1, 1024, 90_000]),
        "n": st.sampled_from([1, 2]),
        "reasoning_effort": st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
        "parallel_tool_calls": st.booleans(),
        "modalities": st.sampled_from([["text"], ["text", "image"]]),
        "response_format": st.sampled_from([{"type": "json_object"}, SHAPE]),
        "service_tier": st.sampled_from(["auto", "flex", "scale"]),
    },
)
models = st.builds(
    Model,
    st.sampled_from(
        [
            "gemini-2.0-flash",
            "gemini-2.5-pro",
            "gemini-2.5-flash-lite",
            "gemini-3-pro-preview",
            "gemini-flash-latest",
        ]
    ),
    max_output_tokens=st.just(65_536),
    capabilities=st.builds(
        Capabilities,
        prefill=st.sampled_from([None, True, False]),
        sampling_params=st.sampled_from([None, False]),
        thinking=st.sampled_from([None, "none", "adaptive"]),
        effort_levels=st.sampled_from([(), ("low", "high"), ("minimal", "low", "medium", "high")]),
    ),
)
PROVIDER = Provider("gemini", "https://api.example.test/v1beta", dialect="gemini")


@st.composite
def rendered(draw: st.DrawFn) -> tuple[dict[str, Any], Model]:
    request = {"model": "m", "messages": draw(st.lists(messages, min_size=1, max_size=8)), **draw(fields)}
    if draw(st.booleans()):
        strict = draw(st.booleans())
        request["tools"] = [{**LOOK, "function": {**LOOK["function"], "strict": strict}}]  # type: ignore[dict-item]
        request["tool_choice"] = draw(st.sampled_from(["auto", "none", "required"]))
    model = draw(models)
    return render_body(gemini, request, Target(PROVIDER, model)), model


def validate(body: dict[str, Any]) -> None:
    for name, value in body.items():
        FIELDS[name].validate_json(json.dumps(value, allow_nan=False))


def test_the_validator_rejects_invalid_requests() -> None:
    """The SDK's types reject an error deep inside a request."""
    with pytest.raises(ValidationError):
        validate({"contents": [{"role": "user", "parts": [{"functionCall": {"nom": "look"}}]}]})


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_bodies_match_the_sdk_types(drawn: tuple[dict[str, Any], Model]) -> None:
    """Every request matches the types of Google's SDK and is JSON."""
    validate(drawn[0])


@settings(max_examples=250, deadline=None)
@given(rendered())
def test_conversations_are_well_formed(drawn: tuple[dict[str, Any], Model]) -> None:
    """G1-G8: every request follows the rules of the simulator, which are those of the API."""
    body, model = drawn

    check_request({**body, "model": model.name})


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_roles_alternate(drawn: tuple[dict[str, Any], Model]) -> None:
    """G1, G4: roles alternate, except that a user content may follow results; results stand alone."""
    contents = drawn[0]["contents"]

    for content, after in pairwise(contents):
        answered = "functionResponse" in content["parts"][0]
        assert content["role"] != after["role"] or (answered and content["role"] == "user")


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_reasoning_of_other_providers_is_not_sent(drawn: tuple[dict[str, Any], Model]) -> None:
    """G8, X31: the body contains no reasoning of another provider."""
    assert "thinking_blocks" not in json.dumps(drawn[0])
    assert '"hm"' not in json.dumps(drawn[0])


@settings(max_examples=150, deadline=None)
@given(rendered(), st.booleans())
def test_buffered_and_streamed_responses_agree(drawn: tuple[dict[str, Any], Model], newest: bool) -> None:
    """A buffered and a streamed response to the same request have the content that the provider sent."""
    body = {**drawn[0], "model": "gemini-3-pro-preview" if newest else "gemini-2.5-flash"}
    sent_reply = generate_reply(simulator.parse_prompt("Gemini", body))
    RESPONSE.validate_json(json.dumps(simulator.render_completion(body, sent_reply)))
    whole = gemini.parse_response(simulator.render_completion(body, sent_reply))
    message = whole["choices"][0]["message"]
    events, decoder = sse.Decoder(), gemini.create_decoder()
    raw = b"".join(simulator.render_events(body, sent_reply))
    chunks = [chunk for event in [*events.feed(raw), *events.close()] for chunk in decoder.feed(event)]
    chunks += decoder.close()
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]

    assert (
        (message["content"] or "")
        == sent_reply.text
        == "".join(delta.get("content") or "" for delta in deltas)
    )
    streamed_calls = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    assert [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in streamed_calls] == [
        (call.name, call.arguments) for call in sent_reply.calls
    ]
    assert [{**call, "index": i} for i, call in enumerate(message.get("tool_calls") or [])] == streamed_calls
    assert chunks[-1]["usage"] == whole["usage"]
    assert whole["usage"]["completion_tokens"] == sent_reply.completion_tokens + simulator.REASONING_TOKENS


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["gemini-2.5-flash", "gemini-3-pro-preview"]), st.integers(1, 3))
def test_g7_calls_return_unchanged(name: str, several: int) -> None:
    """In two rounds of a tool loop, every signature and id returns with the call that it belongs to."""
    target = Target(PROVIDER, Model(name))
    request: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": "call " + "look " * several}],
        "tools": [LOOK],
    }
    for _ in range(2):
        body = {**render_body(gemini, request, target), "model": name}
        simulator.validate_request({"content-type": "application/json"}, body)
        message = gemini.parse_response(
            simulator.render_completion(body, generate_reply(simulator.parse_prompt("Gemini", body)))
        )["choices"][0]["message"]
        request["messages"] = [*request["messages"], json.loads(json.dumps(message))]
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "seen"}
            for call in message.get("tool_calls") or []
        ]
        request["messages"] += results
        if results:
            again = render_body(gemini, request, target)["contents"]
            sent = [part for content in again for part in content["parts"] if "functionCall" in part]
            reply = generate_reply(simulator.parse_prompt("Gemini", body))
            response = simulator.render_completion(body, reply)
            assert sent == response["candidates"][0]["content"]["parts"]

    assert request["messages"][-1]["content"].startswith("The tool answered: seen")
