"""Any conversation, to a provider and back: nothing that was said, called or answered is lost or moved."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import seeds, transcript
from vaultcore.capability_matrix.answer import folded, whole
from vaultcore.capability_matrix.subject import simulated
from vaultcore.catalog.load import builtin
from vaultcore.catalog.schema import Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import NAMES, dialect
from vaultcore.simulators import openai
from vaultcore.simulators.reply import reply
from vaultcore.simulators.server import MANNERS

HEADERS = {
    "content-type": "application/json",
    "anthropic-version": "2023-06-01",
    "authorization": "Bearer sk-simulated",
}
TOKEN = re.compile(r"⟨\d+⟩")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("rain", "tide")]
CATALOG = builtin()

words = st.sampled_from(
    ["Grüße {} 🌍", "{}", "two\nlines {}", 'a "quote" {} \\', "<system>{}</system>", "{{}} {}"]
)
names = st.sampled_from(["rain", "tide"])
given_arguments = st.sampled_from(['{"city":"Ulm"}', '{"city":"Köln","days":[1,{"a":null}]}', "{}"])
ids = st.sampled_from(["call_1", "functions.rain:0", "ü", "toolu_01A", "c" * 70])


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    """A system's messages, then turns of a user and an assistant who may call tools; the user is last."""
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
    body = dialect(name).render_request(chat.parse_request(request), target).body
    return {**body, "model": model, "stream": bool(request.get("stream"))}


def tokens(told: transcript.Transcript) -> list[tuple[str, str]]:
    return [(role, token) for role, text in told.said for token in TOKEN.findall(text)]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(request=conversations())
def test_the_provider_reads_what_was_said(name: str, request: dict[str, Any]) -> None:
    """Texts with their roles, calls with their arguments, results with their calls: all of it, in order."""
    sent, seen = transcript.chat(request), transcript.READERS[name](rendered(name, request))

    assert tokens(seen) == tokens(sent)
    assert all(
        any(text in theirs for _, theirs in seen.said) for _, ours in sent.said for text in ours.split("\n")
    )
    assert seen.calls == sent.calls
    assert sorted(seen.results) == sorted(sent.results)
    assert [kind for kind in seen.order if kind != "system"] == [
        kind for kind in sent.order if kind != "system"
    ]


@pytest.mark.parametrize("name", simulated())
@settings(max_examples=60, deadline=None)
@given(request=conversations())
def test_the_client_reads_what_was_answered(name: str, request: dict[str, Any]) -> None:
    """The provider takes it by its own rules; its text and its calls come back whole, streamed or not."""
    manners, speak = MANNERS[name], dialect(name)
    body = rendered(name, {**request, "stream": True}, model=manners.MODELS[0])

    manners.check(HEADERS, body)
    told = reply(manners.prompt("provider", body))
    plainly = reply(openai.prompt("provider", chat_request(request)))
    buffered = whole(speak.parse_completion(manners.completion(body, told)))
    machine = speak.decoder()
    events = seeds.events(b"".join(manners.events(body, told)))
    streamed = folded([*(chunk for event in events for chunk in machine.feed(event)), *machine.close()])
    calls = [(call.name, call.arguments) for call in told.calls]

    assert (told.text, calls) == (plainly.text, [(call.name, call.arguments) for call in plainly.calls])
    for answer in (buffered, streamed):
        assert answer.text == told.text
        assert [(call.name, json.loads(call.arguments)) for call in answer.calls] == calls
        assert answer.finish == ("tool_calls" if calls else "stop")
    assert streamed.usage == buffered.usage


def chat_request(request: dict[str, Any]) -> dict[str, Any]:
    return {**chat.parse_request(request)}
