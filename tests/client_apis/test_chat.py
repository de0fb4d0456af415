"""Responses, streams and errors of chat completions."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from vaultcore.client_apis import chat
from vaultcore.errors import AttemptsExhausted, Fault, InvalidRequest, NoRoute, StreamBroken, UpstreamError
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest

HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(*choices: dict[str, Any], **fields: Any) -> ChatChunk:
    return cast(ChatChunk, {**HEAD, "choices": list(choices), **fields})


def text_choice(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": text}, "finish_reason": finish}


def encode(request: dict[str, Any], *chunks: ChatChunk) -> list[Any]:
    """Return the payloads of a stream's events, without the last one, which is [DONE]."""
    encoder = chat.encoder(cast(ChatRequest, request))
    events = [*(event for chunk in chunks for event in encoder.feed(chunk)), *encoder.close()]
    assert events.pop() == Event("[DONE]")
    return [json.loads(event.data) for event in events]


WITH_USAGE = {"stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    "request_", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
def test_x24_usage_is_not_sent_unless_requested(request_: dict[str, Any]) -> None:
    """A client that did not request usage gets no counts and no chunk without choices."""
    payloads = encode(
        request_,
        chunk(text_choice("a"), usage=None),
        chunk(text_choice("", "stop"), usage=USAGE),
        chunk(usage=USAGE),
    )

    assert payloads == [chunk(text_choice("a")), chunk(text_choice("", "stop"))]


def test_x24_ar19_usage_is_sent_once() -> None:
    """A client that requested usage gets null in every chunk except the last, which has no choices."""
    early = {**USAGE, "completion_tokens": 1}
    payloads = encode(
        WITH_USAGE, chunk(text_choice("a"), usage=early), chunk(text_choice("", "stop")), chunk(usage=USAGE)
    )

    assert payloads == [
        chunk(text_choice("a"), usage=None),
        chunk(text_choice("", "stop"), usage=None),
        chunk(usage=USAGE),
    ]


def test_ar19_usage_beside_a_choice_is_sent_after_it() -> None:
    """Usage in a chunk with a choice is sent in a chunk of its own."""
    payloads = encode(WITH_USAGE, chunk(text_choice("a", "stop"), usage=USAGE))

    assert payloads == [chunk(text_choice("a", "stop"), usage=None), chunk(usage=USAGE)]


def test_a_stream_without_usage_has_no_usage_chunk() -> None:
    """If the provider sends no usage, the stream has no usage chunk."""
    assert encode(WITH_USAGE, chunk(text_choice("a", "stop"))) == [
        chunk(text_choice("a", "stop"), usage=None)
    ]


def test_chunks_without_choices_are_forwarded() -> None:
    """A chunk without choices and usage is forwarded."""
    assert encode({}, chunk(prompt_filter_results=[])) == [chunk(prompt_filter_results=[])]


def test_chunks_are_compact_utf8() -> None:
    """JSON has no spaces, and escapes only for characters that UTF-8 cannot encode."""
    valid, surrogate = (
        next(iter(chat.encoder({}).feed(chunk(text_choice(text))))).encode() for text in ("ü🌍", "ü\ud83c")
    )

    assert '"delta":{"content":"ü🌍"}'.encode() in valid
    assert b'"content":"\\u00fc\\ud83c"' in surrogate


def test_encoding_does_not_change_chunks() -> None:
    """Encoding a chunk does not change it."""
    for request in ({}, WITH_USAGE):
        item = chunk(text_choice("a"), usage=USAGE)
        list(chat.encoder(cast(ChatRequest, request)).feed(item))
        assert item == chunk(text_choice("a"), usage=USAGE)


def test_a_completion_is_forwarded() -> None:
    """A completion without choices is forwarded unchanged."""
    completion: ChatCompletion = {"id": "c1", "choices": []}

    assert chat.render_completion(completion) == completion


def test_e1_an_error_has_openais_fields() -> None:
    """An error has message, type, param and code, null if there is none."""
    assert chat.render_error(InvalidRequest("n must be 1", param="n")) == {
        "error": {
            "message": "n must be 1",
            "type": "invalid_request_error",
            "param": "n",
            "code": "invalid_value",
        }
    }
    assert chat.render_error(NoRoute("no such model"))["error"]["param"] is None


def test_e5_exhausted_attempts_are_listed() -> None:
    """If every attempt failed, the error lists each one: provider, model, status, fault and reason."""
    failures = [
        UpstreamError("slow down", fault=Fault.RATE, provider="a", model="m", upstream_status=429),
        UpstreamError("no route to host", fault=Fault.HOST, provider="b", model="n"),
    ]
    error = chat.render_error(AttemptsExhausted(failures))["error"]

    assert (error["type"], error["code"]) == ("upstream_error", "all_providers_failed")
    assert error["attempts"] == [
        {"provider": "a", "model": "m", "status": 429, "fault": "rate", "reason": "slow down"},
        {"provider": "b", "model": "n", "status": None, "fault": "host", "reason": "no route to host"},
    ]


def test_e8_ar15_a_failed_stream_ends_with_one_event() -> None:
    """A stream that fails ends with one event, which contains the error body."""
    error = StreamBroken("a went away", fault=Fault.HOST)

    assert json.loads(chat.render_stream_error(error).data) == chat.render_error(error)


def test_every_choice_has_what_openais_schema_requires() -> None:
    """Every choice has `logprobs` and `refusal`, null if the provider sent none."""
    minimal: Any = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    }
    complete: Any = {
        "choices": [{"index": 0, "message": {"content": None, "refusal": "no"}, "logprobs": {"content": []}}]
    }

    (choice,) = chat.render_completion(minimal)["choices"]
    assert (choice["logprobs"], choice["message"]["refusal"]) == (None, None)
    (choice,) = chat.render_completion(complete)["choices"]
    assert (choice["logprobs"], choice["message"]["refusal"]) == ({"content": []}, "no")
