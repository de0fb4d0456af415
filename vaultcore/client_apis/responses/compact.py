"""`POST /v1/responses/compact`: https://platform.openai.com/docs/api-reference/responses/compact.

The response is the user's messages, and one item that stands for everything else. A provider that compacts
gets the client's own body; for any other, the model writes a summary: see opaque_state/compaction.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from vaultcore.client_apis.responses.input_items import item_type
from vaultcore.client_apis.responses.request import TRIGGER, asks_for_compaction
from vaultcore.client_apis.responses.request import parse_request as parse_responses_request
from vaultcore.client_apis.responses.request_fields import RequestFields
from vaultcore.client_apis.responses.response import render_response as render_whole_response
from vaultcore.client_apis.responses.unsupported_fields import translation_changes
from vaultcore.dialects import NativeRequest, repair
from vaultcore.errors import InvalidRequest
from vaultcore.wire import ChatCompletion, ChatRequest, Json

native = "responses"
headers: tuple[str, ...] = ()


def parse_request(body: object) -> ChatRequest:
    """Return the request for a summary. Raises InvalidRequest."""
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    request = parse_responses_request(_with_trigger(body))
    request.pop("stream", None)
    return request


def native_request(body: Json, headers: Mapping[str, str], *, path: str) -> NativeRequest:  # noqa: ARG001 - none is forwarded
    """Return the client's own body for this path of a provider that compacts."""
    changes = partial(translation_changes, _with_trigger(body))
    return NativeRequest(native, body, {}, changes, path=path, needs_compaction=True)


def render_response(completion: ChatCompletion, request: ChatRequest) -> Json:
    """Return the compacted conversation."""
    response = render_whole_response(completion, request)
    items = request.body.get("input") if isinstance(request, RequestFields) else None
    items = items if isinstance(items, list) else [{"role": "user", "content": items}]
    return {
        "id": response["id"],
        "object": "response.compaction",
        "created_at": response["created_at"],
        "output": [*_user_messages(items, response["id"]), *response["output"]],
        "usage": response["usage"],
    }


def _user_messages(items: list[Json], response_id: str) -> Iterator[Json]:
    """Yield the user's messages of an input in the form of output items."""
    for i, item in enumerate(items):
        if item_type(item) == "message" and item.get("role") == "user":
            content = item.get("content")
            parts = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
            head = {"id": repair.derive_id("msg_", response_id, i), "type": "message", "status": "completed"}
            yield {**head, **item, "content": parts}


def _with_trigger(body: Json) -> Json:
    """Return the body with an input that asks for a compaction."""
    items = body.get("input")
    items = [{"role": "user", "content": items}] if isinstance(items, str) else items
    if not isinstance(items, list) or asks_for_compaction(body):
        return body
    return {**body, "input": [*items, {"type": TRIGGER}]}
