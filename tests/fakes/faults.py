"""Failures of providers as a table of cases, and a gateway to test them with."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx

from tests.fakes.clock import FakeClock
from tests.fakes.provider import FakeProvider, FakeResponse, closed_port, unreachable_port
from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings, Timeouts
from vaultcore.vault.keyring import Credential, Keyring

Json = dict[str, Any]
Kind = Literal["request", "key", "rate", "model", "host"]
PrimaryState = Literal["provider", "unknown host", "refused", "unreachable"]
T = TypeVar("T")

FIRST, SECOND, OTHER = "sk-first-0123456789abcdef", "sk-second-0123456789abcdef", "sk-other-0123456789abcdef"
KEYS = (("one", FIRST), ("one", SECOND), ("two", OTHER))
SYSTEM, ADMIN = "ve-" + "5" * 40, "va-" + "6" * 40
SHORT = Timeouts(connect=0.15, first_token=0.2, idle=0.2, total=0.2, stream=2.0)
ROUTES = """
providers:
  one: {{base_url: "{primary}", local: {local}, title: One}}
  two: {{base_url: "{fallback}", local: true, title: Two, dialect: anthropic, auth: {{header: x-api-key}}}}
models:
  fast: {{primary: one/gpt-fake, fallbacks: [two/claude-fake]}}
  lone: {{primary: one/gpt-fake}}
"""


SUCCESS = FakeResponse()


@dataclass(frozen=True, slots=True)
class Case:
    """One failure of the primary provider, and its fault."""

    kind: Kind
    answer: FakeResponse = SUCCESS  # of every call to the primary provider
    primary: PrimaryState = "provider"
    streamed: bool = True  # applies to streamed and to buffered responses
    buffered: bool = True


def _status(status: int, kind: Kind, **headers: str) -> Case:
    return Case(
        kind, FakeResponse(status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})
    )


ERROR = {"error": {"message": f"overloaded, and your key is {FIRST}", "type": "server_error"}}
CASES: dict[str, Case] = {
    **{str(status): _status(status, "request") for status in (400, 413, 422)},
    **{str(status): _status(status, "key") for status in (401, 402, 403)},
    "404": _status(404, "model"),
    "429": _status(429, "rate"),
    "429 with retry-after": _status(429, "rate", retry_after="2"),
    "429 out of money": Case("key", FakeResponse(status=429, code="insufficient_quota")),
    **{str(status): _status(status, "host") for status in (408, 409, 500, 502, 503, 504, 529)},
    "503 with retry-after": _status(503, "host", retry_after="1"),
    "unknown host": Case("host", primary="unknown host"),
    "refused": Case("host", primary="refused"),
    "connect timeout": Case("host", primary="unreachable"),
    "read timeout": Case("host", FakeResponse(hang=True)),
    "only pings": Case("host", FakeResponse(pings=50, pause=0.02), buffered=False),
    "drop before the first byte": Case("host", FakeResponse(cut="before")),
    "reset before the first byte": Case("host", FakeResponse(cut="before", reset=True)),
    "drop after the headers": Case("host", FakeResponse(cut="headers")),
    "drop in the middle": Case("host", FakeResponse(cut="middle"), streamed=False),
    "drop before anything is said": Case("host", FakeResponse(cut="middle", after=1), buffered=False),
    "truncated JSON": Case("host", FakeResponse(body=b'{"choices": [{"message": {"role"')),
    "empty body": Case("host", FakeResponse(body=b"")),
    "empty stream": Case("host", FakeResponse(body=b"", content_type="text/event-stream")),
    "only the end of a stream": Case(
        "host", FakeResponse(body=b"data: [DONE]\n\n", content_type="text/event-stream")
    ),
    "a web page": Case("host", FakeResponse(body=b"<html>busy</html>", content_type="text/html")),
    "another shape": Case("host", FakeResponse(body=b'{"ok": true}')),
    "an error inside a 200": Case("host", FakeResponse(body=json.dumps(ERROR).encode())),
    "an error first in a stream": Case("host", FakeResponse(after=0, error_event=ERROR), buffered=False),
}


@contextmanager
def primary_url(name: PrimaryState, provider: FakeProvider) -> Iterator[str]:
    """Yield the base URL of the primary provider."""
    match name:
        case "provider":
            yield provider.base_url
        case "unknown host":
            yield "https://nowhere.invalid/v1"
        case "refused":
            with closed_port() as base_url:
                yield base_url
        case _:
            with unreachable_port() as base_url:
                yield base_url


def build_services(
    folder: Path,
    primary: str,
    provider: FakeProvider,
    keys: Sequence[tuple[str, str]] = KEYS,
    **settings: Any,
) -> Services:
    """Return a gateway with the primary provider at a URL and a working fallback. Its clock never waits."""
    file = folder / "providers.yaml"
    local = str(primary.startswith("http:")).lower()
    file.write_text(ROUTES.format(primary=primary, fallback=provider.base_url, local=local))
    chosen = Settings(providers_file=file, home=folder, **{"timeouts": SHORT, **settings})
    keyring = Keyring(Credential(name, key) for name, key in keys)
    secrets = FixedSecrets(Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN)))
    return compose(chosen, secrets, clock=FakeClock())


def run_with_client(services: Services, scenario: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """Run a scenario with a client that has the system key; return its result."""

    async def run() -> T:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://gateway", headers=headers
        ) as client:
            try:
                return await scenario(client)
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())


async def chat(client: httpx.AsyncClient, model: str, *, stream: bool) -> httpx.Response:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    return await client.post("/v1/chat/completions", json=body)


def parse_events(response: httpx.Response) -> list[Any]:
    """Return the parsed data of a stream's events; `[DONE]` stays text."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def response_text(response: httpx.Response) -> str:
    """Return the text of a response, streamed or buffered."""
    if response.headers["content-type"].startswith("text/event-stream"):
        chunks = [event for event in parse_events(response) if event != "[DONE]" and event.get("choices")]
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    return str(response.json()["choices"][0]["message"]["content"])
