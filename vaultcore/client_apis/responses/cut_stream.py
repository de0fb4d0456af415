"""The last events of a stream that the gateway forwarded and cut off: `response.incomplete`.

https://platform.openai.com/docs/api-reference/responses-streaming/response/incomplete
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from vaultcore.client_apis import ForwardedStream
from vaultcore.client_apis.json_text import dump
from vaultcore.client_apis.responses import output_items
from vaultcore.client_apis.responses.response_object import complete_response
from vaultcore.client_apis.responses.stream_failure import next_sequence_number
from vaultcore.streams.sse import Event
from vaultcore.wire import ChatChunk, Json


def cut_events(last: ChatChunk, stream: ForwardedStream) -> Iterator[Event]:
    """Yield the events that end the open message, if there is one, and the response."""
    payloads, output = _close_message(json.loads(stream.last.data), stream.text)
    started = json.loads(stream.first.data).get("response") or {}
    response = complete_response(started, output, "length", last.get("usage"))
    number = next_sequence_number(stream.last)
    for payload in (*payloads, {"type": "response.incomplete", "response": response}):
        yield Event(dump({**payload, "sequence_number": number}), payload["type"])
        number += 1


def _close_message(event: Json, text: str) -> tuple[list[Json], list[Json]]:
    """Return the events that close the message to which an event adds text, and the output so far."""
    if event.get("type") != "response.output_text.delta":
        return [], []
    place = {name: event.get(name) for name in ("item_id", "output_index", "content_index")}
    part = output_items.text_part(text)
    item = output_items.message(str(event.get("item_id")), [part], status="incomplete")
    payloads: list[Json] = [
        {"type": "response.output_text.done", **place, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **place, "part": part},
        {"type": "response.output_item.done", "output_index": event.get("output_index"), "item": item},
    ]
    return payloads, [item]
