"""What fuzzing begins with: real requests, answers and streams of every dialect, golden and simulated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.fakes.parameters import PARAMETERS
from vaultcore.capability_matrix.offered import BOTH, SAID, TIDE, WEATHER, asked, user
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import dialect
from vaultcore.simulators.reply import reply
from vaultcore.simulators.server import MANNERS
from vaultcore.streams import Stage, eventstream, sse

Json = dict[str, Any]
GOLDEN = Path(__file__).parent.parent / "dialects/golden"
PROMPTS = (asked(user(SAID)), asked(user(BOTH), tools=[WEATHER, TIDE]), asked(reasoning_effort="low"))


@cache
def requests() -> list[Json]:
    """Requests of clients: every parameter once at least."""
    golden = [json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob("*/*/request.json"))]
    return [*golden, *(request for parameter in PARAMETERS for request in parameter.requests[1:])]


@cache
def answers(name: str) -> list[Json]:
    """Buffered answers of a dialect's providers."""
    golden = [json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob(f"{name}/*/answer.json"))]
    if name not in MANNERS:
        return golden
    manners = MANNERS[name]
    return golden + [manners.completion(body, reply(manners.prompt(name, body))) for body in _bodies(name)]


@cache
def streams(name: str) -> list[tuple[bytes, type[Stage[bytes, sse.Event]]]]:
    """Streamed answers of a dialect's providers, each with what reads its framing."""
    found: list[tuple[bytes, type[Stage[bytes, sse.Event]]]] = [
        (path.read_bytes(), sse.Decoder) for path in sorted(GOLDEN.glob(f"{name}/*/stream.sse"))
    ]
    if name in MANNERS:
        manners = MANNERS[name]
        for body in _bodies(name):
            told = b"".join(manners.events(body, reply(manners.prompt(name, body))))
            found.append((told, _framing(told)))
    return found


def events(told: bytes) -> list[sse.Event]:
    """The events of a stream, whatever frames them."""
    frames = _framing(told)()
    return [*frames.feed(told), *frames.close()]


def _framing(told: bytes) -> type[Stage[bytes, sse.Event]]:
    return sse.Decoder if told.lstrip()[:5] in (b"data:", b"event") else eventstream.Decoder


def _bodies(name: str) -> Iterator[Json]:
    """The prompts in the dialect's words; what some say in the address is there as well."""
    model = MANNERS[name].MODELS[0]
    target = Target(Provider("acme", "https://api.acme.test/v1", dialect=name), Model(model))
    for prompt in PROMPTS:
        request = chat.parse_request({**prompt, "stream": True})
        yield {**dialect(name).render_request(request, target).body, "model": model, "stream": True}
