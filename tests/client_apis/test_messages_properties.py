"""Properties of Messages requests and streams, fuzzed and generated."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat, messages
from vaultcore.client_apis.messages.response import parse_tool_input
from vaultcore.dialects import DIALECTS, Dialect, load_dialect
from vaultcore.errors import InvalidRequest

REQUESTS = sorted((Path(__file__).parent / "golden" / "messages").glob("*/request.json"))
COMPLETIONS = sorted((Path(__file__).parent / "golden" / "messages").glob("*/completion.json"))
EVENT: Any = TypeAdapter(RawMessageStreamEvent)
JUNK = [None, True, 0, -1, 1.5, "", "x", [], {}, [None], [[]], {"": {}}, ["x", 1], {"type": "text"}]
JUNK += [{"type": "tool_result"}, {"type": "thinking", "signature": "ve1."}, "ve1.", {"type": ["x"]}]
ENVELOPE = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def mutate(value: Any, generator: random.Random) -> Any:
    """Return the value with junk in one place, or with that place removed."""
    wrapped = [json.loads(json.dumps(value))]
    path = (0, *generator.choice(places(wrapped[0])))
    holder: Any = wrapped
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and generator.random() < 0.25:
        del holder[path[-1]]
    else:
        holder[path[-1]] = generator.choice(JUNK)
    return wrapped[0]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.parent.name)
def test_the_translation_is_a_valid_chat_request(path: Path) -> None:
    """A translated request is valid for chat completions."""
    request = messages.parse_request(json.loads(path.read_text("utf-8")))

    assert chat.parse_request(request) == request


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.parent.name)
def test_fuzzed_requests(path: Path) -> None:
    """A fuzzed request is rejected, or has translation changes and a body in every dialect."""
    request, generator = json.loads(path.read_text("utf-8")), random.Random(5)
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m"))
    dialects: list[Dialect] = [load_dialect(name) for name in DIALECTS]
    errors: list[InvalidRequest] = []

    for _ in range(150):
        try:
            body = mutate(request, generator)
            parsed = messages.parse_request(body)
            native = messages.native_request(body, {})
            is_refused = any(change.kind == "refused" for change in native.translation_changes())
            for dialect in () if is_refused else dialects:
                json.dumps(dialect.render_request(parsed, target).body, allow_nan=False)
        except InvalidRequest as error:
            errors.append(error)

    assert all(error.param or str(error).startswith("the body") for error in errors)


@pytest.mark.parametrize("path", COMPLETIONS, ids=lambda path: path.parent.name)
def test_fuzzed_arguments(path: Path) -> None:
    """The input of a tool call is an object for any arguments text."""
    generator = random.Random(6)
    for _ in range(200):
        text = "".join(generator.choices('{}[]",:\\ a1\n', k=generator.randrange(30)))

        assert isinstance(parse_tool_input(text), dict)


STEPS = st.lists(
    st.one_of(
        st.builds(lambda text: {"content": text}, st.text("xyz ", max_size=3)),
        st.builds(lambda text: {"reasoning_content": text}, st.text("uvw ", max_size=3)),
        st.builds(lambda index: {"step": index}, st.integers(0, 2)),
    ),
    max_size=20,
)
ARGUMENTS = ['{"a": [1, {"b": "}"}]}', "{}", '{"ü": null}']


def interleave(steps: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """Return deltas that alternate between text, reasoning and three tool calls of `size` characters."""
    remaining = dict(enumerate(ARGUMENTS))
    order: list[int] = []  # of the calls that began
    deltas: list[dict[str, Any]] = []
    for delta in [*steps, *({"step": index} for index in range(3) for _ in range(30))]:
        if "step" not in delta:
            deltas.append(delta)
            continue
        index = order.index(delta["step"]) if delta["step"] in order else len(order)
        call: dict[str, Any] = {"index": index, "function": {}}
        if index == len(order):
            order.append(delta["step"])
            call |= {"id": f"call_{delta['step']}", "type": "function"}
            call["function"]["name"] = f"tool_{delta['step']}"
        if not remaining[delta["step"]] and "id" not in call:
            continue
        call["function"]["arguments"] = remaining[delta["step"]][:size]
        remaining[delta["step"]] = remaining[delta["step"]][size:]
        deltas.append({"tool_calls": [call]})
    return deltas


@given(STEPS, st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_r9_interleaved_calls(steps: list[dict[str, Any]], size: int) -> None:
    """Text, reasoning and tool calls are complete and in the order in which they began."""
    deltas = interleave(steps, size)
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    chunks: Any = [{**ENVELOPE, "choices": [choice]} for choice in choices]
    chunks += [{**ENVELOPE, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]
    chunks += [{**ENVELOPE, "choices": [], "usage": USAGE}]
    encoder = messages.encoder({"model": "m", "messages": []})
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    snapshot, buffers = None, dict[int, bytes]()
    for event in events:
        if event.name != "ping":
            parsed = EVENT.validate_python(json.loads(event.data))
            snapshot = accumulate_event(event=parsed, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    blocks = snapshot.to_dict()["content"]
    calls = [block for block in blocks if block["type"] == "tool_use"]  # type: ignore[index]
    order = [call["id"] for delta in deltas for call in delta.get("tool_calls", ()) if "id" in call]

    assert [call["id"] for call in calls] == order  # type: ignore[index]
    for call in calls:
        assert call["input"] == json.loads(ARGUMENTS[int(call["id"][-1])])  # type: ignore[index]
    for kind, name in (("text", "content"), ("thinking", "reasoning_content")):
        text = "".join(block[kind] for block in blocks if block["type"] == kind)  # type: ignore[index]
        assert text == "".join(delta.get(name, "") for delta in deltas)
