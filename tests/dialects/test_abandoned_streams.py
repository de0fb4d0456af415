"""A client that leaves a stream after its text: what the provider has counted by then is charged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import seeds
from vaultcore.call import Call
from vaultcore.catalog.schema import Model, Provider, Target
from vaultcore.client_apis import chat
from vaultcore.dialects import RawEvent, load_dialect
from vaultcore.gateway.call_usage import stream_usage
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.routing.stream_joiner import StreamJoiner
from vaultcore.simulators.reply import generate_reply
from vaultcore.simulators.server import BEHAVIORS
from vaultcore.upstream.stream_reader import StreamReader

PROMPT, COMPLETION = 1_000, 900  # tokens that the provider reports, many more than its text has
QUESTION: dict[str, Any] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("name", BEHAVIORS)
def test_the_count_beside_the_finish_reason_is_charged(name: str) -> None:
    """After the finish reason, the charge is the provider's final count, or it is marked as an estimate.

    Anthropic counts one token when a stream starts. That count must not be charged for the whole answer.
    """
    behavior, request = BEHAVIORS[name], chat.parse_request(QUESTION)
    target = Target(Provider("acme", "https://api.acme.test/v1", dialect=name), Model(behavior.MODELS[0]))
    body = {**load_dialect(name).render_request(request, target).body, "model": "m", "stream": True}
    reply = generate_reply(behavior.parse_prompt(name, body))
    reply = replace(reply, prompt_tokens=PROMPT, completion_tokens=COMPLETION)
    stream = b"".join(behavior.render_events(body, reply))
    reader = StreamReader(load_dialect(name).create_decoder())
    joiner, call = StreamJoiner("c", "m", 1), Call("c", request, 1e9, RetryPolicy())

    items = [item for event in seeds.parse_stream(stream) for item in reader.feed(event.encode())]
    for item in (*items, *reader.close()):
        assert not isinstance(item, RawEvent)
        if not joiner.is_finished:
            joiner.join(item)

    assert joiner.is_finished
    usage = stream_usage(call, joiner)
    if "estimated" not in call.outcome.flags:
        assert usage["completion_tokens"] >= COMPLETION
