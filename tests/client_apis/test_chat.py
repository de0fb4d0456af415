"""What clients of chat completions are shown."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from vaultcore.client_apis import chat
from vaultcore.errors import AttemptsExhausted, Fault, InvalidRequest, NoRoute, StreamBroken, UpstreamError
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, ChatCompletion, ChatRequest

HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
COUNTED = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def chunk(*choices: dict[str, Any], **fields: Any) -> ChatChunk:
    return cast(ChatChunk, {**HEAD, "choices": list(choices), **fields})


def piece(text: str, finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": text}, "finish_reason": finish}


def shown(request: dict[str, Any], *chunks: ChatChunk) -> list[Any]:
    machine = chat.encoder(cast(ChatRequest, request))
    events = [*(event for chunk in chunks for event in machine.feed(chunk)), *machine.close()]
    assert events.pop() == Event("[DONE]")
    return [json.loads(event.data) for event in events]


ASKED = {"stream_options": {"include_usage": True}}


@pytest.mark.parametrize(
    "request_", [{}, {"stream_options": None}, {"stream_options": {"include_usage": False}}]
)
def test_x24_usage_is_not_shown_unasked(request_: dict[str, Any]) -> None:
    """A client that has not asked for usage sees neither counts nor a chunk without choices for them."""
    told = shown(
        request_, chunk(piece("a"), usage=None), chunk(piece("", "stop"), usage=COUNTED), chunk(usage=COUNTED)
    )

    assert told == [chunk(piece("a")), chunk(piece("", "stop"))]


def test_x24_ar19_usage_is_shown_once() -> None:
    """A client that has asked sees null on every chunk but the last, which has no choices."""
    early = {**COUNTED, "completion_tokens": 1}
    told = shown(ASKED, chunk(piece("a"), usage=early), chunk(piece("", "stop")), chunk(usage=COUNTED))

    assert told == [
        chunk(piece("a"), usage=None),
        chunk(piece("", "stop"), usage=None),
        chunk(usage=COUNTED),
    ]


def test_ar19_usage_that_came_beside_the_last_word_is_shown_after_it() -> None:
    """Where the count came with a choice, the client still gets a chunk of its own for it."""
    told = shown(ASKED, chunk(piece("a", "stop"), usage=COUNTED))

    assert told == [chunk(piece("a", "stop"), usage=None), chunk(usage=COUNTED)]


def test_a_stream_without_usage_ends_plainly() -> None:
    """Where nobody counted, no count is made up."""
    assert shown(ASKED, chunk(piece("a", "stop"))) == [chunk(piece("a", "stop"), usage=None)]


def test_chunks_without_choices_pass() -> None:
    """A chunk that carries something else than choices or usage is shown."""
    assert shown({}, chunk(prompt_filter_results=[])) == [chunk(prompt_filter_results=[])]


def test_chunks_are_compact_utf8() -> None:
    """JSON goes out without spaces and unescaped, but for what has no UTF-8 form."""
    plain, broken = (
        next(iter(chat.encoder({}).feed(chunk(piece(text))))).encode() for text in ("ü🌍", "ü\ud83c")
    )

    assert '"delta":{"content":"ü🌍"}'.encode() in plain
    assert b'"content":"\\u00fc\\ud83c"' in broken


def test_encoding_changes_no_chunk() -> None:
    """A chunk is the same after it has been shown."""
    for request in ({}, ASKED):
        fed = chunk(piece("a"), usage=COUNTED)
        list(chat.encoder(cast(ChatRequest, request)).feed(fed))
        assert fed == chunk(piece("a"), usage=COUNTED)


def test_a_completion_is_shown_as_it_is() -> None:
    """Chat completions are what this surface speaks."""
    completion: ChatCompletion = {"id": "c1", "choices": []}

    assert chat.render_completion(completion) == completion


def test_e1_an_error_is_an_envelope() -> None:
    """An error has message, type, param and code, whether or not there is one."""
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
    """When every attempt has failed, the client is told of each: provider, model, status and reason."""
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


def test_e8_ar15_a_failure_within_a_stream_is_one_event() -> None:
    """A stream that breaks ends in one event that holds the same envelope."""
    error = StreamBroken("a went away", fault=Fault.HOST)

    assert json.loads(chat.render_failure(error).data) == chat.render_error(error)


def test_every_choice_has_what_openais_schema_requires() -> None:
    """`logprobs` and `refusal` are there, null where the provider said nothing, and kept where it did."""
    bare: Any = {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]
    }
    full: Any = {
        "choices": [{"index": 0, "message": {"content": None, "refusal": "no"}, "logprobs": {"content": []}}]
    }

    (choice,) = chat.render_completion(bare)["choices"]
    assert (choice["logprobs"], choice["message"]["refusal"]) == (None, None)
    (kept,) = chat.render_completion(full)["choices"]
    assert (kept["logprobs"], kept["message"]["refusal"]) == ({"content": []}, "no")
