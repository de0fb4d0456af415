"""Bodies of the Responses API at the path of chat completions, as Cursor's servers send them.

Such a body has `input` and no `messages`, and its tools are not nested. The response is a chat completion.
"""

from __future__ import annotations

from functools import partial
from typing import TypeGuard

from vaultcore.dialects import NativeRequest
from vaultcore.wire import ChatRequest, Json

CHAT_FIELDS = ("stream_options", "stop", "seed", "n")  # fields of chat completions that such bodies also have


def is_responses_body(body: object) -> TypeGuard[Json]:
    return isinstance(body, dict) and body.get("messages") is None and body.get("input") is not None


def parse_body(body: Json) -> ChatRequest:
    """Return the body as a chat request. Raises InvalidRequest with the body's own parameter names."""
    from vaultcore.client_apis.responses.request import parse_request  # for few requests only

    request = parse_request(body)
    chat_fields = {name: body[name] for name in CHAT_FIELDS if body.get(name) is not None}
    request.update(chat_fields)  # type: ignore[typeddict-item]  # checked by the provider, as in any chat request
    return request


def changes_only(body: Json) -> NativeRequest:
    """Return what reports the translation's changes; no provider gets the body as it is."""
    from vaultcore.client_apis.responses.unsupported_fields import translation_changes

    others = {name: value for name, value in body.items() if name not in CHAT_FIELDS}
    return NativeRequest("", body, {}, translation_changes=partial(translation_changes, others))
