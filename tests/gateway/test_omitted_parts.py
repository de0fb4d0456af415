"""Attachments of Messages clients that no target can receive: a note takes their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.gateway_app import build_services, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse

IMAGE = {"type": "image", "source": {"type": "url", "url": "https://pics.example/cat.png"}}
LINKED = {"type": "document", "source": {"type": "url", "url": "https://docs.example/a.pdf"}}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}
FILE = {"type": "document", "title": "plan.pdf", "source": PDF}
HI = {"type": "text", "text": "What is this?"}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}
TOOL = {"name": "look", "input_schema": {"type": "object"}}
CONTENTS: dict[str, tuple[str, list[dict[str, Any]], str]] = {  # row, content, what the note names
    "image at bedrock": ("bed", [HI, IMAGE], "https://pics.example/cat.png"),
    "document at bedrock": ("bed", [HI, LINKED], "https://docs.example/a.pdf"),
    "document at cohere": ("co", [HI, FILE], "plan.pdf"),
}
WHOLE = {  # responses by row
    "bed": {
        "output": {"message": {"role": "assistant", "content": [{"text": "A cat."}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 3, "totalTokens": 8},
    },
    "co": {
        "id": "c",
        "message": {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        "finish_reason": "COMPLETE",
    },
}


def post(
    folder: Path, provider: FakeProvider, model: str, messages: list[Any], **headers: str
) -> httpx.Response:
    """Return the response to a Messages request at a row of Bedrock or Cohere, or over a route."""
    overlay = folder / "rows.yaml"
    overlay.write_text(
        f"""
providers:
  bed: {{base_url: "{provider.base_url}", local: true, dialect: bedrock}}
  co: {{base_url: "{provider.base_url}", local: true, dialect: cohere}}
  one: {{base_url: "{provider.base_url}", local: true}}
models:
  backed: {{primary: bed/nova, fallbacks: [one/gpt-fake]}}
"""
    )
    keys = [(name, f"sk-{name}-0123456789") for name in ("bed", "co", "one")]
    for name, body in WHOLE.items():
        provider.script(f"sk-{name}-0123456789", FakeResponse(body=json.dumps(body).encode()))
    services = build_services(folder, provider, keys=keys, providers_file=overlay)
    body = {"model": model, "max_tokens": 99, "messages": messages, "tools": [TOOL]}
    return run_with_client(
        services, lambda client: client.post("/v1/messages", json=body, headers={**headers})
    )


@pytest.mark.parametrize("in_result", [False, True], ids=["message", "tool result"])
@pytest.mark.parametrize("case", CONTENTS)
def test_a_note_replaces_what_no_target_can_carry(tmp_path: Path, case: str, in_result: bool) -> None:
    """The provider gets a note that names the attachment, and the client a report of the loss."""
    row, content, name = CONTENTS[case]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}
    turns = [{"role": "user", "content": content}]
    if in_result:
        turns = [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [CALL]},
            {"role": "user", "content": [result]},
        ]
    with FakeProvider() as provider:
        response = post(tmp_path, provider, f"{row}/m", turns, **{"x-vaultedge-explain": "1"})

    assert response.status_code == 200, response.text
    (request,) = provider.requests
    assert name in json.dumps(request.body)
    assert "An attachment was left out" in json.dumps(request.body)
    report = response.json()["vaultedge"]["translation"]
    path = f"messages[{len(turns) - 1}].content"
    assert [each["kind"] for each in report if each["path"].startswith(path)] == ["dropped"]


@pytest.mark.parametrize("case", CONTENTS)
def test_strict_mode_names_the_attachment(tmp_path: Path, case: str) -> None:
    """Strict mode refuses the request, and the text names the client's field."""
    row, content, _ = CONTENTS[case]
    with FakeProvider() as provider:
        turns = [{"role": "user", "content": content}]
        response = post(tmp_path, provider, f"{row}/m", turns, **{"x-vaultedge-strict": "1"})

    assert response.status_code == 400
    assert "messages[0].content" in response.json()["error"]["message"]
    assert provider.requests == []


def test_a_fallback_that_can_carry_it_comes_first(tmp_path: Path) -> None:
    """If a fallback can carry the attachment, the model gets it."""
    with FakeProvider() as provider:
        post(tmp_path, provider, "backed", [{"role": "user", "content": [HI, IMAGE]}])

    (request,) = provider.requests
    assert request.model == "gpt-fake"
    assert "An attachment was left out" not in json.dumps(request.body)
