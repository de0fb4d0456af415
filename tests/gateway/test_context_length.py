"""What a provider refuses with a code of its own: whether another may do, and what the client reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.faults import ADMIN, FIRST, SYSTEM, ask, chat, house, said
from tests.fakes.provider import Answer, FakeProvider
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.vault.keyring import Credential, Keyring

SMALL, SAME, LARGE = "gpt-4o", "gpt-4o-mini", "gpt-4.1"  # the first two take 128,000 tokens
ROUTES = """
providers:
  openai: {{base_url: "{base_url}", local: true}}
models:
  fast: {{primary: openai/gpt-4o, fallbacks: [openai/gpt-4o-mini, openai/gpt-4.1]}}
"""
LONG = Answer(status=400, code="context_length_exceeded")


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as running:
        yield running


def sized(folder: Path, provider: FakeProvider) -> Services:
    """A gateway whose route leads to models of known sizes."""
    file = folder / "providers.yaml"
    file.write_text(ROUTES.format(base_url=provider.base_url))
    secrets = Secrets(Keyring([Credential("openai", FIRST)]), digest(SYSTEM), digest(ADMIN))
    return compose(
        Settings(providers_file=file, home=folder), secrets=FixedSecrets(secrets), clock=FakeClock()
    )


@pytest.mark.parametrize("stream", [False, True])
def test_e6_o13_a_larger_model_answers(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """A request that is too long for a model is answered by the route's next one with a larger window."""
    provider.script(SMALL, LONG)
    response = ask(sized(tmp_path, provider), lambda client: chat(client, "fast", stream=stream))

    assert said(response)
    assert response.headers["x-vaultedge-model"] == LARGE
    assert [request.model for request in provider.requests] == [SMALL, LARGE]


@pytest.mark.parametrize("stream", [False, True])
def test_e6_too_long_for_every_model(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """The client reads the last provider's refusal, with OpenAI's code for it."""
    for model in (SMALL, SAME, LARGE):
        provider.script(model, LONG)
    response = ask(sized(tmp_path, provider), lambda client: chat(client, "fast", stream=stream))
    error = response.json()["error"]

    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["code"] == "context_length_exceeded"
    assert FIRST not in response.text
    assert provider.calls(SAME) == 0


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("content_filter", id="e7 content policy"),
        pytest.param("tool_use_failed", id="q3 a call the model got wrong"),
        pytest.param("context_length_exceeded", id="e6 windows unknown"),
    ],
)
def test_what_is_told_and_not_tried_elsewhere(tmp_path: Path, provider: FakeProvider, code: str) -> None:
    """The client reads the provider's 400 with its code; no other provider is asked."""
    provider.script("gpt-fake", Answer(status=400, code=code))

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        return await chat(client, "fast", stream=False)

    response = ask(house(tmp_path, provider.base_url, provider), story)

    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert len(provider.requests) == 1
