"""Seeds for fuzzing: requests, responses and streams of every dialect, from golden files and simulators."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.fakes.parameters import PARAMETERS
from vaultcore.capability_matrix.capabilities import (
    QUESTION,
    TIDE,
    TWO_TOOLS,
    WEATHER,
    chat_body,
    user_message,
)
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import load_dialect
from vaultcore.simulators.reply import generate_reply
from vaultcore.simulators.server import BEHAVIORS
from vaultcore.streams import Stage, eventstream, sse

Json = dict[str, Any]
GOLDEN = Path(__file__).parent.parent / "dialects/golden"
PROMPTS = (
    chat_body(user_message(QUESTION)),
    chat_body(user_message(TWO_TOOLS), tools=[WEATHER, TIDE]),
    chat_body(reasoning_effort="low"),
)


@cache
def requests() -> list[Json]:
    """Return client requests that use every parameter at least once."""
    golden = [json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*/*/request.json"))]
    return [*golden, *(request for parameter in PARAMETERS for request in parameter.requests[1:])]


@cache
def response_bodies(name: str) -> list[Json]:
    """Return buffered responses of a dialect's providers."""
    golden = [json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob(f"{name}/*/answer.json"))]
    if name not in BEHAVIORS:
        return golden
    behavior = BEHAVIORS[name]
    return golden + [
        behavior.render_completion(body, generate_reply(behavior.parse_prompt(name, body)))
        for body in _bodies(name)
    ]


@cache
def streams(name: str) -> list[tuple[bytes, type[Stage[bytes, sse.Event]]]]:
    """Return streamed responses of a dialect's providers, each with the decoder of its framing."""
    result: list[tuple[bytes, type[Stage[bytes, sse.Event]]]] = [
        (path.read_bytes(), sse.Decoder) for path in sorted(GOLDEN.glob(f"{name}/*/stream.sse"))
    ]
    if name in BEHAVIORS:
        behavior = BEHAVIORS[name]
        for body in _bodies(name):
            stream = b"".join(behavior.render_events(body, generate_reply(behavior.parse_prompt(name, body))))
            result.append((stream, _framing(stream)))
    return result


def parse_stream(stream: bytes) -> list[sse.Event]:
    """Return the events of a stream in either framing."""
    frames = _framing(stream)()
    return [*frames.feed(stream), *frames.close()]


def _framing(stream: bytes) -> type[Stage[bytes, sse.Event]]:
    return sse.Decoder if stream.lstrip()[:5] in (b"data:", b"event") else eventstream.Decoder


def _bodies(name: str) -> Iterator[Json]:
    """Yield the prompts as requests of the dialect, with model and stream, which some send in the URL."""
    model = BEHAVIORS[name].MODELS[0]
    target = Target(Provider("acme", "https://api.acme.test/v1", dialect=name), Model(model))
    for prompt in PROMPTS:
        request = chat.parse_request({**prompt, "stream": True})
        yield {**load_dialect(name).render_request(request, target).body, "model": model, "stream": True}
