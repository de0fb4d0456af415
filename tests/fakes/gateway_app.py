"""The whole gateway in this process, over fake providers on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.fakes.provider import FakeProvider
from vaultcore.app import create_app
from vaultcore.clock import Clock
from vaultcore.compose import compose
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets, digest
from vaultcore.services import Services
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


def house(
    folder: Path,
    provider: FakeProvider,
    *,
    keys: Sequence[tuple[str, str]] = (("one", "sk-one-0123456789"), ("two", "sk-two-0123456789")),
    clock: Clock | None = None,
    **settings: Any,
) -> Services:
    """The gateway's services, over a store in memory unless `store` says otherwise."""
    settings = {"providers_file": overlay(folder, provider), "home": folder, **settings}
    keyring = Keyring(Credential(name, key) for name, key in keys)
    secrets = FixedSecrets(Secrets(keyring, digest(SYSTEM), digest(ADMIN), PEPPER))
    return compose(Settings(**settings), secrets, clock=clock)


def visit(services: Services, story: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """Run a story with a client that holds the system key."""
    app = create_app(services)

    async def run() -> T:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers) as client:
            try:
                return await story(client)
            finally:
                await services.observer.aclose()
                await services.gateway.upstream.aclose()
                await services.store.aclose()

    return asyncio.run(run())


async def issued(services: Services, **said: Any) -> str:
    """The token of a new virtual key. Limits by their fields' names; `models`, ... as a key has them."""
    names = {field.name for field in fields(Limits)}
    limits = Limits(**{name: said.pop(name) for name in names & set(said)})
    draft = VirtualKey("", said.pop("name", "a key"), 0.0, (), limits, **said)
    return (await services.keys.create(draft, "test-request")).token


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def ask_house(
    folder: Path,
    provider: FakeProvider,
    story: Callable[[httpx.AsyncClient], Awaitable[T]],
    **more: Any,
) -> T:
    """Run a story in a house that nobody else needs."""
    return visit(house(folder, provider, **more), story)
