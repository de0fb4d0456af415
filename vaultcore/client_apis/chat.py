"""`POST /v1/chat/completions`: https://platform.openai.com/docs/api-reference/chat.

Chat completions are the house's own format, so almost nothing is translated here.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaultcore.client_apis import legacy_functions
from vaultcore.client_apis.chat_validation import check
from vaultcore.client_apis.json_text import dump
from vaultcore.errors import AttemptsExhausted, GatewayError
from vaultcore.streams import Stage
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest, Json

native = ""  # what passes is mended on the way: see dialects/openai.py
headers = ()
DONE = Event("[DONE]")
ENVELOPE = ("id", "object", "created", "model")


def parse_request(body: object) -> ChatRequest:
    return check(body)


def render_completion(completion: ChatCompletion) -> Json:
    """With the two keys that OpenAI's schema requires of every choice, null where nobody said them."""
    choices = [
        {"logprobs": None, **choice, "message": {"refusal": None, **choice["message"]}}
        for choice in completion["choices"]
    ]
    return {**completion, "choices": choices}


def render_answer(completion: ChatCompletion, request: ChatRequest) -> Json:
    """As functions where the request speaks of functions."""
    return (
        legacy_functions.completion(completion)
        if legacy_functions.spoken(request)
        else render_completion(completion)
    )


def encoder(request: ChatRequest) -> Stage[ChatChunk, Event]:
    options = request.get("stream_options") or {}
    machine = Counted() if options.get("include_usage") else Plain()
    return legacy_functions.Chunks(machine) if legacy_functions.spoken(request) else machine


def render_error(error: GatewayError) -> Json:
    told: Json = {
        "message": str(error),
        "type": error.type,
        "param": error.param,
        "code": error.code,
    }
    if isinstance(error, AttemptsExhausted):
        told["attempts"] = [
            {
                "provider": failure.provider,
                "model": failure.model,
                "status": failure.upstream_status,
                "fault": failure.fault.name.lower(),
                "reason": str(failure),
            }
            for failure in error.failures
        ]
    return {"error": told}


def render_failure(error: GatewayError) -> Event:
    return Event(dump(render_error(error)))


class Plain:
    """Chunks for a client that has not asked for usage: it sees none."""

    __slots__ = ()

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        if "usage" not in item:
            return (Event(dump(item)),)
        if not item.get("choices"):
            return ()
        return (Event(dump({name: value for name, value in item.items() if name != "usage"})),)

    def close(self) -> Iterable[Event]:
        return (DONE,)


class Counted:
    """Chunks for a client that has asked: null on every one but the last, which has no choices."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: ChatChunk | None = None

    def feed(self, item: ChatChunk) -> Iterable[Event]:
        counted = item.get("usage")
        if counted:
            self._last = item  # whatever came before was only the count so far
            if not item.get("choices"):
                return ()
        return (Event(dump({**item, "usage": None})),)

    def close(self) -> Iterable[Event]:
        if self._last is None:
            return (DONE,)
        envelope = {name: value for name, value in self._last.items() if name in ENVELOPE}
        return (Event(dump({**envelope, "choices": [], "usage": self._last["usage"]})), DONE)
