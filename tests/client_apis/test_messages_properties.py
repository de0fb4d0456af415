"""What holds of every Messages request and every stream, whatever is in them."""

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
from vaultcore.client_apis.messages.response import read_input
from vaultcore.dialects import NAMES, Dialect, dialect
from vaultcore.errors import InvalidRequest

REQUESTS = sorted((Path(__file__).parent / "golden" / "messages").glob("*/request.json"))
COMPLETIONS = sorted((Path(__file__).parent / "golden" / "messages").glob("*/completion.json"))
EVENT: Any = TypeAdapter(RawMessageStreamEvent)
JUNK = [None, True, 0, -1, 1.5, "", "x", [], {}, [None], [[]], {"": {}}, ["x", 1], {"type": "text"}]
JUNK += [{"type": "tool_result"}, {"type": "thinking", "signature": "ve1."}, "ve1.", {"type": ["x"]}]
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def mutated(value: Any, chance: random.Random) -> Any:
    """The value with junk in one place, or that place gone."""
    whole = [json.loads(json.dumps(value))]
    path = (0, *chance.choice(places(whole[0])))
    holder: Any = whole
    for key in path[:-1]:
        holder = holder[key]
    if isinstance(holder, dict) and chance.random() < 0.25:
        del holder[path[-1]]
    else:
        holder[path[-1]] = chance.choice(JUNK)
    return whole[0]


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.parent.name)
def test_the_hub_is_a_chat_request(path: Path) -> None:
    """What a request becomes is what a client of chat completions could have sent."""
    hub = messages.parse_request(json.loads(path.read_text("utf-8")))

    assert chat.parse_request(hub) == hub


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.parent.name)
def test_fuzzed_requests(path: Path) -> None:
    """A mangled request is refused as invalid, or has a body in every dialect, and its losses can be told."""
    request, chance = json.loads(path.read_text("utf-8")), random.Random(5)
    target = Target(Provider("acme", "https://api.acme.test/v1"), Model("m"))
    speeches: list[Dialect] = [dialect(name) for name in NAMES]
    found: list[InvalidRequest] = []

    for _ in range(150):
        try:
            body = mutated(request, chance)
            hub = messages.parse_request(body)
            native = messages.native_request(body, {})
            refused = any(change.kind == "refused" for change in native.elsewhere())
            for speech in () if refused else speeches:
                json.dumps(speech.render_request(hub, target).body, allow_nan=False)
        except InvalidRequest as error:
            found.append(error)

    assert all(error.param or str(error).startswith("the body") for error in found)


@pytest.mark.parametrize("path", COMPLETIONS, ids=lambda path: path.parent.name)
def test_fuzzed_arguments(path: Path) -> None:
    """Whatever a model writes as arguments, a call's input is an object."""
    chance = random.Random(6)
    for _ in range(200):
        text = "".join(chance.choices('{}[]",:\\ a1\n', k=chance.randrange(30)))

        assert isinstance(read_input(text), dict)


deltas = st.lists(
    st.one_of(
        st.builds(lambda text: {"content": text}, st.text("xyz ", max_size=3)),
        st.builds(lambda text: {"reasoning_content": text}, st.text("uvw ", max_size=3)),
        st.builds(lambda index: {"step": index}, st.integers(0, 2)),
    ),
    max_size=20,
)
ARGUMENTS = ['{"a": [1, {"b": "}"}]}', "{}", '{"ü": null}']


def woven(told: list[dict[str, Any]], cut: int) -> list[dict[str, Any]]:
    """Chunks in which three calls take turns with text and thoughts, each call a few letters at a time."""
    left = dict(enumerate(ARGUMENTS))
    begun: list[int] = []
    out: list[dict[str, Any]] = []
    for delta in [*told, *({"step": index} for index in range(3) for _ in range(30))]:
        if "step" not in delta:
            out.append(delta)
            continue
        index = begun.index(delta["step"]) if delta["step"] in begun else len(begun)
        call: dict[str, Any] = {"index": index, "function": {}}
        if index == len(begun):
            begun.append(delta["step"])
            call |= {"id": f"call_{delta['step']}", "type": "function"}
            call["function"]["name"] = f"tool_{delta['step']}"
        if not left[delta["step"]] and "id" not in call:
            continue
        call["function"]["arguments"] = left[delta["step"]][:cut]
        left[delta["step"]] = left[delta["step"]][cut:]
        out.append({"tool_calls": [call]})
    return out


@given(deltas, st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_r9_however_calls_are_woven(told: list[dict[str, Any]], cut: int) -> None:
    """Text, thoughts and calls come out whole and in the order they began, however their pieces are woven."""
    made = woven(told, cut)
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in made]
    chunks: Any = [{**HEAD, "choices": [choice]} for choice in choices]
    chunks += [{**HEAD, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}]
    chunks += [{**HEAD, "choices": [], "usage": USAGE}]
    encoder = messages.encoder({"model": "m", "messages": []})
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    snapshot, buffers = None, dict[int, bytes]()
    for event in events:
        if event.name != "ping":
            parsed = EVENT.validate_python(json.loads(event.data))
            snapshot = accumulate_event(event=parsed, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    blocks = snapshot.to_dict()["content"]
    called = [block for block in blocks if block["type"] == "tool_use"]  # type: ignore[index]
    order = [call["id"] for delta in made for call in delta.get("tool_calls", ()) if "id" in call]

    assert [call["id"] for call in called] == order  # type: ignore[index]
    for call in called:
        assert call["input"] == json.loads(ARGUMENTS[int(call["id"][-1])])  # type: ignore[index]
    for kind, name in (("text", "content"), ("thinking", "reasoning_content")):
        said = "".join(block[kind] for block in blocks if block["type"] == kind)  # type: ignore[index]
        assert said == "".join(delta.get(name, "") for delta in made)
