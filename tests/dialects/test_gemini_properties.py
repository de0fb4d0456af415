"""What holds of every generateContent request, whatever conversation it was made from."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from vaultcore.catalog.schema import Capabilities, Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import gemini
from vaultcore.simulators import gemini as manners
from vaultcore.simulators.gemini_rules import check_request
from vaultcore.simulators.reply import reply
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
ANSWER: TypeAdapter[Any] = TypeAdapter(types.GenerateContentResponse)
PNG = "data:image/png;base64,iVBORw0KGgo="
texts = st.sampled_from(["", " ", "hello", "two\nlines", "Grüße 🌍", "call look", "end \n"])
parts = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, texts),
    st.just({"type": "image_url", "image_url": {"url": PNG, "detail": "high"}}),
    st.just({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}),
)
contents = st.one_of(texts, st.lists(parts, max_size=3))
ids = st.sampled_from(["call_1", "call_2", "functions.f:0", "ü", "call_1 "])
opaque = st.sampled_from(
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
    opaque,
)
kept = st.sampled_from(
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
        lambda content, calls, kept: {
            "role": "assistant",
            "content": content,
            **kept,
            **({"tool_calls": calls} if calls else {}),
        },
        texts,
        st.lists(calls, max_size=3),
        kept,
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
    asked = {"model": "m", "messages": draw(st.lists(messages, min_size=1, max_size=8)), **draw(fields)}
    if draw(st.booleans()):
        strict = draw(st.booleans())
        asked["tools"] = [{**LOOK, "function": {**LOOK["function"], "strict": strict}}]  # type: ignore[dict-item]
        asked["tool_choice"] = draw(st.sampled_from(["auto", "none", "required"]))
    model = draw(models)
    return gemini.render_request(chat.parse_request(asked), Target(PROVIDER, model)).body, model


def valid(body: dict[str, Any]) -> None:
    for name, value in body.items():
        FIELDS[name].validate_json(json.dumps(value, allow_nan=False))


def test_the_judge_judges() -> None:
    """The SDK's types do refuse what is wrong deep inside a request."""
    with pytest.raises(ValidationError):
        valid({"contents": [{"role": "user", "parts": [{"functionCall": {"nom": "look"}}]}]})


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_bodies_are_what_the_sdk_types_say(made: tuple[dict[str, Any], Model]) -> None:
    """Every request is one that Google's own SDK's types allow, and is JSON."""
    valid(made[0])


@settings(max_examples=250, deadline=None)
@given(rendered())
def test_conversations_are_well_formed(made: tuple[dict[str, Any], Model]) -> None:
    """G1-G8: no request breaks a rule of the simulated provider, which has the real one's."""
    body, model = made

    check_request({**body, "model": model.name})


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_turns_of_one_role_are_one_content(made: tuple[dict[str, Any], Model]) -> None:
    """G1, G4: contents alternate, but for what is said after results; results stand alone."""
    contents = made[0]["contents"]

    for content, after in pairwise(contents):
        answered = "functionResponse" in content["parts"][0]
        assert content["role"] != after["role"] or (answered and content["role"] == "user")


@settings(max_examples=200, deadline=None)
@given(rendered())
def test_what_others_signed_is_not_sent(made: tuple[dict[str, Any], Model]) -> None:
    """G8, X31: no thinking of another provider's is in the body."""
    assert "thinking_blocks" not in json.dumps(made[0])
    assert '"hm"' not in json.dumps(made[0])


@settings(max_examples=150, deadline=None)
@given(rendered(), st.booleans())
def test_what_the_simulator_answers_comes_back(made: tuple[dict[str, Any], Model], newest: bool) -> None:
    """A buffered and a streamed answer to the same request say the same, and what the provider said."""
    body = {**made[0], "model": "gemini-3-pro-preview" if newest else "gemini-2.5-flash"}
    said = reply(manners.prompt("Gemini", body))
    ANSWER.validate_json(json.dumps(manners.completion(body, said)))
    whole = gemini.parse_completion(manners.completion(body, said))
    message = whole["choices"][0]["message"]
    events, machine = sse.Decoder(), gemini.decoder()
    raw = b"".join(manners.events(body, said))
    chunks = [chunk for event in [*events.feed(raw), *events.close()] for chunk in machine.feed(event)]
    chunks += machine.close()
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]

    assert (message["content"] or "") == said.text == "".join(delta.get("content") or "" for delta in deltas)
    told = [call for delta in deltas for call in delta.get("tool_calls") or ()]
    assert [(c["function"]["name"], json.loads(c["function"]["arguments"])) for c in told] == [
        (call.name, call.arguments) for call in said.calls
    ]
    assert [{**call, "index": i} for i, call in enumerate(message.get("tool_calls") or [])] == told
    assert chunks[-1]["usage"] == whole["usage"]
    assert whole["usage"]["completion_tokens"] == said.completion_tokens + manners.THOUGHTS


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["gemini-2.5-flash", "gemini-3-pro-preview"]), st.integers(1, 3))
def test_g7_calls_go_back_as_they_came(name: str, several: int) -> None:
    """Over two turns of a tool loop every signature and id comes back on the call it was given for."""
    target = Target(PROVIDER, Model(name))
    asked: dict[str, Any] = {
        "model": "m",
        "messages": [{"role": "user", "content": "call " + "look " * several}],
        "tools": [LOOK],
    }
    for _ in range(2):
        body = {**gemini.render_request(chat.parse_request(asked), target).body, "model": name}
        manners.check({"content-type": "application/json"}, body)
        message = gemini.parse_completion(manners.completion(body, reply(manners.prompt("Gemini", body))))[
            "choices"
        ][0]["message"]
        asked["messages"] = [*asked["messages"], json.loads(json.dumps(message))]
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": "seen"}
            for call in message.get("tool_calls") or []
        ]
        asked["messages"] += results
        if results:
            again = gemini.render_request(chat.parse_request(asked), target).body["contents"]
            sent = [part for content in again for part in content["parts"] if "functionCall" in part]
            said = manners.completion(body, reply(manners.prompt("Gemini", body)))["candidates"][0]
            assert sent == said["content"]["parts"]

    assert asked["messages"][-1]["content"].startswith("The tool answered: seen")
