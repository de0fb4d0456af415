"""Errors of a dialect name the field of the client's own API, in `param` and in the message."""

from __future__ import annotations

from typing import Any

import pytest

from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat, gemini, messages, responses
from vaultcore.errors import InvalidRequest
from vaultcore.upstream.provider_request import render

CATALOG = load_builtin()
NOVA = ("bedrock", "amazon.nova-lite-v1:0")
LINK = "https://example.org/a.png"
REQUESTS: list[tuple[Any, dict[str, Any], tuple[str, str], str]] = [
    (
        chat,
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": LINK}}]}]},
        NOVA,
        "messages[0].content[0].image_url",
    ),
    (
        messages,
        {
            "max_tokens": 9,
            "messages": [
                {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": LINK}}]}
            ],
        },
        NOVA,
        "messages[0].content[0]",
    ),
    (
        responses,
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": LINK}]}]},
        NOVA,
        "input[0].content[0]",
    ),
    (
        gemini,
        {
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {"candidateCount": 3},
        },
        ("cohere", "command-a-03-2025"),
        "generationConfig.candidateCount",
    ),
]


@pytest.mark.parametrize(
    ("api", "body", "place", "path"), REQUESTS, ids=["chat", "messages", "responses", "gemini"]
)
def test_an_error_names_the_clients_field(
    api: Any, body: dict[str, Any], place: tuple[str, str], path: str
) -> None:
    """The message begins with the path in the client's body, and no other word of it changes."""
    provider, model = place
    target = Target(CATALOG.providers[provider], CATALOG.models.model(provider, model))

    with pytest.raises(InvalidRequest) as raised:
        render(target, api.parse_request({"model": "m", **body}))

    assert (raised.value.param or "").startswith(path)
    assert str(raised.value).startswith(path)
    assert str(raised.value).count(path) == 1
