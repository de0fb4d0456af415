"""A provider's answer with values of wrong types fails where it is parsed, or passes through the gateway.

Golden answers and streams are mutated, parsed, rendered by every client API, priced and recorded. An answer
that is accepted may be charged, so nothing after the parser may raise. MUTATED in the environment is the
number of mutated answers per dialect, half of them streamed.
"""

from __future__ import annotations

import copy
import json
import random
from collections import Counter
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from tests.fakes import seeds
from tests.sizes import times
from vaultcore.admission.caller import Caller
from vaultcore.admission.grant import Grant
from vaultcore.admission.settlement import FinalStatus, settlement
from vaultcore.call import Call
from vaultcore.catalog.schema import Model, Price, Provider
from vaultcore.client_apis import chat, messages, responses
from vaultcore.dialects import DIALECTS, RawEvent, StreamFault, load_dialect, think_tags
from vaultcore.gateway.call_usage import record_completion, record_stream
from vaultcore.limits.account import Lease
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.streams.sse import Event
from vaultcore.telemetry import Log
from vaultcore.upstream.stream_reader import StreamReader
from vaultcore.usage.plausible import UsageBounds
from vaultcore.usage.request_estimate import RequestEstimate
from vaultcore.wire import ChatCompletion, ChatRequest

COUNT = times(1_000, 20_000)
SCALARS: list[Any] = [None, True, 0, -3, 1.5, 1e300, "", "x"]
WRONG = [*SCALARS, [], ["x"], [None], [{}], {}, {"x": 1}, {"index": "x"}]
MODEL = Model("m", price=Price(1_000, 2_000))
BOUNDS = UsageBounds(RequestEstimate(1_000, 300, 1_000), 1_000)
HI = [{"role": "user", "content": "Hi"}]
FUNCTIONS = [{"name": "f", "parameters": {}}]
CLIENTS: list[tuple[ModuleType, ChatRequest]] = [
    (chat, chat.parse_request({"model": "m", "messages": HI, "stream_options": {"include_usage": True}})),
    (chat, chat.parse_request({"model": "m", "messages": HI, "functions": FUNCTIONS})),
    (messages, messages.parse_request({"model": "m", "messages": HI, "max_tokens": 9})),
    (responses, responses.parse_request({"model": "m", "input": "Hi"})),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value below `value`."""
    match value:
        case dict():
            inner = [*value.items()]
        case list():
            inner = [*enumerate(value)]
        case _:
            inner = []
    return [each for key, item in inner for each in ((*path, key), *paths(item, (*path, key)))]


def mutate(value: Any, generator: random.Random) -> Any:
    """Return a copy of the value with wrong values at one place, or remove that place."""
    mutated = copy.deepcopy(value)
    if not (places := paths(mutated)):
        return mutated
    *parents, name = generator.choice(places)
    holder = mutated
    for key in parents:
        holder = holder[key]
    if isinstance(holder, dict) and generator.random() < 0.1:
        del holder[name]
    else:
        holder[name] = copy.deepcopy(generator.choice(WRONG))
    return mutated


def new_call() -> Call:
    return Call("c", CLIENTS[0][1], 1e9, RetryPolicy(), bounds=BOUNDS)


def settle(call: Call) -> None:
    """Build what the settlement of a call writes, as JSON."""
    lease = Lease(1e9, 1e9 + 960.0)
    grant = Grant(Caller(None), RequestEstimate(0, 0, 0), (), lease, is_reserved=False)
    written = settlement(grant, call, FinalStatus(200, 1e9, None, "prices-1"))
    json.dumps(written.record.body)


def use_completion(completion: ChatCompletion) -> None:
    """Do what the gateway does with a completion that it has accepted."""
    call = new_call()
    record_completion(call, MODEL, completion, Log())
    for api, request in CLIENTS:
        json.dumps(api.render_response(replace_names(completion), request))
    settle(call)


def replace_names(completion: ChatCompletion) -> ChatCompletion:
    return {**completion, "created": completion.get("created") or 1, "model": "m"}


def use_stream(reader: StreamReader, events: list[Event]) -> Exception | None:
    """Do what the gateway does with a stream; return the fault that ends it."""
    call, joiner = new_call(), StreamJoiner("chatcmpl-c", "m", 1)
    encoders = [api.encoder(request) for api, request in CLIENTS]
    for data in [*(each.encode() for each in events), None]:
        for item in reader.close() if data is None else reader.feed(data):
            assert not isinstance(item, RawEvent)
            joined = joiner.join(item)
            for encoder in encoders:
                list(encoder.feed(joined))
        if reader.fault is not None:
            break
    if joiner.has_started:
        record_stream(call, MODEL, joiner, Log())
        settle(call)
    if reader.fault is None and joiner.has_started:
        for encoder in encoders:
            list(encoder.close())
    return reader.fault


def place_of(error: BaseException) -> str:
    """Return class, module and line of an exception."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame if trace else None
    where = f"{frame.f_globals.get('__name__')}:{trace.tb_lineno}" if frame and trace else ""
    return f"{type(error).__name__} in {where}"


@pytest.mark.repeated
@pytest.mark.parametrize("name", DIALECTS)
def test_completions(name: str) -> None:
    """A mutated answer raises ValueError or StreamFault in the parser, and nothing later."""
    dialect, generator, failures = load_dialect(name), random.Random(11), Counter[str]()
    bodies = seeds.response_bodies(name)

    for i in range(COUNT // 2):
        body = generator.choice(bodies)
        for _ in range(generator.randint(1, 3)):
            body = mutate(body, generator)
        provider = Provider("acme", "https://api.acme.test/v1", dialect=name, think_tags=i % 4 == 0)
        try:
            completion = think_tags.parse_response(dialect, provider, body)
        except (ValueError, StreamFault):
            continue
        except Exception as error:  # noqa: BLE001 - counted and reported below
            failures[place_of(error)] += 1
            continue
        try:
            use_completion(completion)
        except Exception as error:  # noqa: BLE001 - counted and reported below
            failures[place_of(error)] += 1

    assert not failures, failures.most_common()


@pytest.mark.repeated
@pytest.mark.parametrize("name", DIALECTS)
def test_streams(name: str) -> None:
    """A stream with mutated events ends with a fault of the reader, or reaches the client."""
    dialect, generator, failures = load_dialect(name), random.Random(12), Counter[str]()
    framed = [(raw, framing()) for raw, framing in seeds.streams(name)]
    whole = [[*frames.feed(raw), *frames.close()] for raw, frames in framed]

    for i in range(COUNT // 2):
        events = [*generator.choice(whole)]
        for _ in range(generator.randint(1, 3)):
            where = generator.randrange(len(events))
            if events[where].data.startswith("{"):
                data = mutate(json.loads(events[where].data), generator)
                events[where] = replace(events[where], data=json.dumps(data))
        provider = Provider("acme", "https://api.acme.test/v1", dialect=name, think_tags=i % 4 == 0)
        try:
            use_stream(StreamReader(think_tags.create_decoder(dialect, provider)), events)
        except Exception as error:  # noqa: BLE001 - counted and reported below
            failures[place_of(error)] += 1

    assert not failures, failures.most_common()
