"""Provider errors with an error code: whether another target is tried, and what the client gets."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.faults import ADMIN, FIRST, SYSTEM, build_services, chat, response_text, run_with_client
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.vault.keyring import Credential, Keyring

SMALL, SAME, LARGE = (
    "gpt-4o",
    "gpt-4o-mini",
    "gpt-4.1",
)  # the first two have a context window of 128,000 tokens
ROUTES = """
providers:
  openai: {{base_url: "{base_url}", local: true}}
models:
  fast: {{primary: openai/gpt-4o, fallbacks: [openai/gpt-4o-mini, openai/gpt-4.1]}}
"""
TOO_LONG = FakeResponse(status=400, code="context_length_exceeded")


def build_sized_services(folder: Path, provider: FakeProvider) -> Services:
    """Return services whose route has models of known context windows."""
    file = folder / "providers.yaml"
    file.write_text(ROUTES.format(base_url=provider.base_url))
    secrets = Secrets(Keyring([Credential("openai", FIRST)]), digest_key(SYSTEM), digest_key(ADMIN))
    return compose(
        Settings(providers_file=file, home=folder), secrets=FixedSecrets(secrets), clock=FakeClock()
    )


@pytest.mark.parametrize("stream", [False, True])
def test_e6_o13_a_larger_model_is_tried(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """A prompt too long for one model goes to the route's next model with a larger context window."""
    provider.script(SMALL, TOO_LONG)
    response = run_with_client(
        build_sized_services(tmp_path, provider), lambda client: chat(client, "fast", stream=stream)
    )

    assert response_text(response)
    assert response.headers["x-vaultedge-model"] == LARGE
    assert [request.model for request in provider.requests] == [SMALL, LARGE]


@pytest.mark.parametrize("stream", [False, True])
def test_e6_too_long_for_every_model(tmp_path: Path, provider: FakeProvider, stream: bool) -> None:
    """The client gets the last provider's error with OpenAI's code; same-size models are skipped."""
    for model in (SMALL, SAME, LARGE):
        provider.script(model, TOO_LONG)
    response = run_with_client(
        build_sized_services(tmp_path, provider), lambda client: chat(client, "fast", stream=stream)
    )
    error = response.json()["error"]

    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert error["code"] == "context_length_exceeded"
    assert FIRST not in response.text
    assert provider.calls(SAME) == 0


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("content_filter", id="e7 content policy"),
        pytest.param("tool_use_failed", id="q3 invalid tool call by the model"),
        pytest.param("context_length_exceeded", id="e6 unknown context windows"),
    ],
)
def test_a_request_error_is_returned_without_another_attempt(
    tmp_path: Path, provider: FakeProvider, code: str
) -> None:
    """The client gets the provider's 400 with its code; no other provider is called."""
    provider.script("gpt-fake", FakeResponse(status=400, code=code))

    async def send_request(client: httpx.AsyncClient) -> httpx.Response:
        return await chat(client, "fast", stream=False)

    response = run_with_client(build_services(tmp_path, provider.base_url, provider), send_request)

    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    assert len(provider.requests) == 1
