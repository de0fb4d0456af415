"""A provider key is rotated while the gateway is warm, without a failed request."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.aws.secrets_manager import SecretsManagerServer
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_app import SYSTEM, write_overlay
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.settings import Settings
from vaultcore.vault.keyring import Credential
from vaultcore.vault.sealed import seal

OLD, NEW = "sk-old-0123456789", "sk-new-0123456789"
QUESTION = {"model": "one/gpt-fake", "messages": [{"role": "user", "content": "hi"}]}


def sealed(key: str) -> str:
    return seal([Credential("one", key)], "correct horse battery staple")


@pytest.mark.parametrize("stream", [False, True])
def test_a_rotated_key_answers_the_request_that_found_the_old_one_refused(
    stream: bool, server: SecretsManagerServer, tmp_path: Path
) -> None:
    """A refused key has the vault read again at once, and the new key answers the same request: no 5xx."""
    server.secrets |= {"vault": sealed(OLD), "password": "correct horse battery staple"}
    clock = FakeClock()

    async def story(provider: FakeProvider) -> list[int]:
        settings = Settings(
            providers_file=write_overlay(tmp_path, provider),
            home=tmp_path,
            vault_secret="vault",
            password_secret="password",
            system_key=SYSTEM,
        )
        services = compose(settings, clock=clock)
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers) as client:
            statuses = []
            for _ in range(2):
                response = await client.post("/v1/chat/completions", json={**QUESTION, "stream": stream})
                statuses.append(response.status_code)
                server.secrets["vault"] = sealed(NEW)
                provider.script(OLD, FakeResponse(status=401))
                clock.time += 60
        await services.gateway.upstream.aclose()
        return statuses

    with FakeProvider() as provider:
        assert asyncio.run(story(provider)) == [200, 200]
        assert [request.key for request in provider.requests] == [OLD, OLD, NEW]
