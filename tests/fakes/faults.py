"""Everything that goes wrong at providers, as a table, and a gateway to have it happen to."""

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
from tests.fakes.provider import Answer, FakeProvider, refusing, unreachable
from vaultcore.app import create_app
from vaultcore.compose import compose
from vaultcore.secrets import FixedSecrets, Secrets, digest
from vaultcore.services import Services
from vaultcore.settings import Settings, Timeouts
from vaultcore.vault.keyring import Credential, Keyring

Json = dict[str, Any]
Kind = Literal["request", "key", "rate", "model", "host"]
Place = Literal["provider", "no name", "refused", "unreachable"]
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


WELL = Answer()


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that goes wrong with the primary, and what kind of thing that is."""

    kind: Kind
    answer: Answer = WELL  # of every call to the primary
    place: Place = "provider"
    streamed: bool = True  # whether it can happen to a streamed answer, and to a buffered one
    buffered: bool = True


def _status(status: int, kind: Kind, **headers: str) -> Case:
    return Case(
        kind, Answer(status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})
    )


ERROR = {"error": {"message": f"overloaded, and your key is {FIRST}", "type": "server_error"}}
CASES: dict[str, Case] = {
    **{str(status): _status(status, "request") for status in (400, 413, 422)},
    **{str(status): _status(status, "key") for status in (401, 402, 403)},
    "404": _status(404, "model"),
    "429": _status(429, "rate"),
    "429 with retry-after": _status(429, "rate", retry_after="2"),
    "429 out of money": Case("key", Answer(status=429, code="insufficient_quota")),
    **{str(status): _status(status, "host") for status in (408, 409, 500, 502, 503, 504, 529)},
    "503 with retry-after": _status(503, "host", retry_after="1"),
    "no such name": Case("host", place="no name"),
    "refused": Case("host", place="refused"),
    "connect timeout": Case("host", place="unreachable"),
    "read timeout": Case("host", Answer(hang=True)),
    "only pings": Case("host", Answer(pings=50, pause=0.02), buffered=False),
    "drop before the first byte": Case("host", Answer(cut="before")),
    "reset before the first byte": Case("host", Answer(cut="before", reset=True)),
    "drop after the headers": Case("host", Answer(cut="headers")),
    "drop in the middle": Case("host", Answer(cut="middle"), streamed=False),
    "drop before anything is said": Case("host", Answer(cut="middle", after=1), buffered=False),
    "truncated JSON": Case("host", Answer(body=b'{"choices": [{"message": {"role"')),
    "empty body": Case("host", Answer(body=b"")),
    "empty stream": Case("host", Answer(body=b"", content_type="text/event-stream")),
    "only the end of a stream": Case(
        "host", Answer(body=b"data: [DONE]\n\n", content_type="text/event-stream")
    ),
    "a web page": Case("host", Answer(body=b"<html>busy</html>", content_type="text/html")),
    "another shape": Case("host", Answer(body=b'{"ok": true}')),
    "an error inside a 200": Case("host", Answer(body=json.dumps(ERROR).encode())),
    "an error first in a stream": Case("host", Answer(after=0, error_event=ERROR), buffered=False),
}


@contextmanager
def place(name: Place, provider: FakeProvider) -> Iterator[str]:
    """The base URL of the primary."""
    match name:
        case "provider":
            yield provider.base_url
        case "no name":
            yield "https://nowhere.invalid/v1"
        case "refused":
            with refusing() as base_url:
                yield base_url
        case _:
            with unreachable() as base_url:
                yield base_url


def house(
    folder: Path,
    primary: str,
    provider: FakeProvider,
    keys: Sequence[tuple[str, str]] = KEYS,
    **settings: Any,
) -> Services:
    """A gateway whose primary is at an address, and whose fallback is well. Its clock never waits."""
    file = folder / "providers.yaml"
    local = str(primary.startswith("http:")).lower()
    file.write_text(ROUTES.format(primary=primary, fallback=provider.base_url, local=local))
    chosen = Settings(providers_file=file, home=folder, **{"timeouts": SHORT, **settings})
    keyring = Keyring(Credential(name, key) for name, key in keys)
    secrets = FixedSecrets(Secrets(keyring, digest(SYSTEM), digest(ADMIN)))
    return compose(chosen, secrets, clock=FakeClock())


def ask(services: Services, story: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
    """Run a story with a client that holds the gateway's system key."""

    async def run() -> T:
        headers = {"authorization": f"Bearer {SYSTEM}"}
        transport = httpx.ASGITransport(create_app(services))
        async with httpx.AsyncClient(transport=transport, base_url="http://house", headers=headers) as client:
            try:
                return await story(client)
            finally:
                await services.gateway.upstream.aclose()

    return asyncio.run(run())


async def chat(client: httpx.AsyncClient, model: str, *, stream: bool) -> httpx.Response:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    return await client.post("/v1/chat/completions", json=body)


def events(response: httpx.Response) -> list[Any]:
    """The data of a stream's events, parsed, `[DONE]` as it is."""
    lines = [line.removeprefix("data: ") for line in response.text.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def said(response: httpx.Response) -> str:
    """The text of an answer, streamed or not."""
    if response.headers["content-type"].startswith("text/event-stream"):
        chunks = [event for event in events(response) if event != "[DONE]" and event.get("choices")]
        return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    return str(response.json()["choices"][0]["message"]["content"])
