"""The whole gateway in this process, over fake providers on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.fakes.provider import FakeProvider
from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest
from vaultcore.settings import Settings
from vaultcore.vault.keyring import Credential, Keyring

PEPPER = b"vp-" + b"7" * 40
SYSTEM, ADMIN = "ve-" + "5" * 40, "va-" + "6" * 40
T = TypeVar("T")


def overlay(folder: Path, provider: FakeProvider) -> Path:
    """A providers file with `one` (OpenAI's format) and `two` (Anthropic's), and a route over both."""
    file = folder / "providers.yaml"
    file.write_text(
        f"""
providers:
  one: {{base_url: "{provider.base_url}", local: true}}
  two: {{base_url: "{provider.base_url}", local: true, dialect: anthropic, auth: {{header: x-api-key}}}}
models:
  fast: {{primary: one/gpt-fake, fallbacks: [two/claude-fake]}}
  turned: {{primary: two/claude-fake, fallbacks: [one/gpt-fake]}}
prices:
  one/gpt-fake: {{input: 1, output: 10}}
"""
    )
    return file


def ask_house(
    folder: Path,
    provider: FakeProvider,
    story: Callable[[httpx.AsyncClient], Awaitable[T]],
    *,
    keys: Sequence[tuple[str, str]] = (("one", "sk-one-0123456789"), ("two", "sk-two-0123456789")),
    **settings: Any,
) -> T:
    """Run a story with a client that holds the system key."""
    chosen = Settings(providers_file=overlay(folder, provider), home=folder, **settings)
    keyring = Keyring(Credential(name, key) for name, key in keys)
    services = compose(chosen, FixedSecrets(Secrets(keyring, digest(SYSTEM), digest(ADMIN), PEPPER)))
    app = create_app(services)

    async def run() -> T:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers) as client:
            try:
                return await story(client)
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())
