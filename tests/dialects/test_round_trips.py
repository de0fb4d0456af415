"""Conversations keep all texts, calls and results, in order, on the way to a provider and back."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import seeds, transcript
from tests.fakes.rendering import render_body
from vaultcore.capability_matrix.observed_response import from_chunks, from_completion
from vaultcore.capability_matrix.simulated_dialect import simulated_dialects
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import DIALECTS, load_dialect
from vaultcore.simulators import openai
from vaultcore.simulators.reply import generate_reply
from vaultcore.simulators.server import BEHAVIORS

HEADERS = {
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "authorization": "Bearer sk-simulated",
}
TOKEN = re.compile(r"⟨\d+⟩")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("rain", "tide")]
CATALOG = load_builtin()

words = st.sampled_from(
    ["Grüße {} 🌍", "{}", "two\nlines {}", 'a "quote" {} \\', "<system>{}</system>", "{{}} {}"]
)
names = st.sampled_from(["rain", "tide"])
given_arguments = st.sampled_from(['{"city":"Ulm"}', '{"city":"Köln","days":[1,{"a":null}]}', "{}"])
ids = st.sampled_from(["call_1", "functions.rain:0", "ü", "toolu_01A", "c" * 70])


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    """System messages, then a user and an assistant that may call tools; the last message is the user's."""
    count = iter(range(10_000))

    def text() -> str:
        return draw(words).replace("{}", f"⟨{next(count)}⟩")

    def content() -> Any:
        parts = [{"type": "text", "text": text()} for _ in range(draw(st.integers(1, 2)))]
        return parts if draw(st.booleans()) else text()

    messages: list[dict[str, Any]] = [
        {"role": draw(st.sampled_from(["system", "developer"])), "content": content()}
        for _ in range(draw(st.integers(0, 2)))
    ]
    for _ in range(draw(st.integers(0, 4))):
        messages += [{"role": "user", "content": content()} for _ in range(draw(st.integers(1, 2)))]
        keys = draw(st.lists(ids, max_size=3, unique=True))
        turn: dict[str, Any] = {
            "role": "assistant",
            "content": text() if not keys or draw(st.booleans()) else None,
        }
        if keys:
            turn["tool_calls"] = [
                {
                    "id": key,
                    "type": "function",
                    "function": {"name": draw(names), "arguments": draw(given_arguments)},
                }
                for key in keys
            ]
        results = [
            {"role": "tool", "tool_call_id": key, "content": text()} for key in draw(st.permutations(keys))
        ]
        messages += [turn, *results]
    last = draw(st.sampled_from(["so {}?", "call rain {}", "call tide and rain {}"]))
    messages.append({"role": "user", "content": last.replace("{}", f"⟨{next(count)}⟩")})
    return {"model": "m", "max_tokens": 4_000, "messages": messages, "tools": TOOLS}


def rendered(name: str, request: dict[str, Any], *, model: str = "m") -> dict[str, Any]:
    row = next((row for row in CATALOG.providers.values() if row.dialect == name), Provider("openai", "x"))
    target = Target(row, CATALOG.model(row.name, model))
    body = render_body(load_dialect(name), request, target)
    return {**body, "model": model, "stream": bool(request.get("stream"))}


def marks(conversation: transcript.Transcript) -> list[tuple[str, str]]:
    return [(role, token) for role, text in conversation.texts for token in TOKEN.findall(text)]


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=60, deadline=None)
@given(request=conversations())
def test_the_provider_receives_the_conversation(name: str, request: dict[str, Any]) -> None:
    """The rendered request has all texts with roles, calls with arguments and results with ids, in order."""
    expected, actual = transcript.chat(request), transcript.TRANSCRIPT_READERS[name](rendered(name, request))

    assert marks(actual) == marks(expected)
    assert all(
        any(text in theirs for _, theirs in actual.texts)
        for _, ours in expected.texts
        for text in ours.split("\n")
    )
    assert actual.calls == expected.calls
    assert sorted(actual.results) == sorted(expected.results)
    assert [kind for kind in actual.order if kind != "system"] == [
        kind for kind in expected.order if kind != "system"
    ]


@pytest.mark.parametrize("name", simulated_dialects())
@settings(max_examples=60, deadline=None)
@given(request=conversations())
def test_the_client_receives_the_response(name: str, request: dict[str, Any]) -> None:
    """The simulator accepts the request; its text and calls arrive complete, streamed and buffered."""
    simulator, dialect = BEHAVIORS[name], load_dialect(name)
    body = rendered(name, {**request, "stream": True}, model=simulator.MODELS[0])

    simulator.validate_request(HEADERS, body)
    reply = generate_reply(simulator.parse_prompt("provider", body))
    from_chat = generate_reply(openai.parse_prompt("provider", chat_request(request)))
    buffered = from_completion(dialect.parse_response(simulator.render_completion(body, reply)))
    decoder = dialect.create_decoder()
    events = seeds.parse_stream(b"".join(simulator.render_events(body, reply)))
    streamed = from_chunks([*(chunk for event in events for chunk in decoder.feed(event)), *decoder.close()])
    calls = [(call.name, call.arguments) for call in reply.calls]

    assert (reply.text, calls) == (from_chat.text, [(call.name, call.arguments) for call in from_chat.calls])
    for answer in (buffered, streamed):
        assert answer.text == reply.text
        assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == calls
        assert answer.finish == ("tool_calls" if calls else "stop")
    assert streamed.usage == buffered.usage


def chat_request(request: dict[str, Any]) -> dict[str, Any]:
    return {**chat.parse_request(request)}
