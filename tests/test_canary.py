"""No secret ever in a response, a log line at DEBUG, an exception or a repr."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import traceback
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from tests.fakes.faults import (
    ADMIN,
    CASES,
    FIRST,
    OTHER,
    SYSTEM,
    Case,
    build_services,
    chat,
    primary_url,
    run_with_client,
)
from tests.fakes.provider import FakeProvider, FakeResponse
from vaultcore.call import Call
from vaultcore.errors import AttemptsExhausted, GatewayError, VaultError
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.secrets import Secrets, digest_key
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.telemetry import configure
from vaultcore.vault.keyring import Credential, Keyring
from vaultcore.vault.sealed import seal, unseal
from vaultcore.wire import ChatChunk, ChatRequest

# One key has a common format; the other has none and can be redacted only by its value.
SHAPED, SHAPELESS, THIRD = FIRST, "Kanarienvogel.Eins.Zwei.Drei", OTHER
PASSWORD = "correct horse battery canary staple"
MARKERS = (SHAPED, SHAPELESS, THIRD, SYSTEM, ADMIN, PASSWORD)
KEYS = (("one", SHAPELESS), ("one", SHAPED), ("two", THIRD))
ECHO = {"error": {"message": f"bad {SHAPED}, {SHAPELESS}", "type": "server_error", "code": SHAPELESS}}
HEADERS = {"x-request-debug": SHAPELESS, "set-cookie": f"key={SHAPED}"}
ECHOES = {
    "an echo in the middle of a stream": Case("host", FakeResponse(after=4, pause=0.01, error_event=ECHO)),
    "an echo in a refusal": Case("request", FakeResponse(400, HEADERS, json.dumps(ECHO).encode())),
    "an echo in a bad answer": Case("host", FakeResponse(200, HEADERS, json.dumps(ECHO).encode()[:-9])),
}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Collect everything that is logged at DEBUG, by any logger."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def revealed_secrets(text: str) -> set[str]:
    """Return the secrets that a text contains, completely or in large part."""
    return {marker for marker in MARKERS if marker in text or marker[4:20] in text}


def describe(response: httpx.Response) -> str:
    return f"{response.status_code} {response.headers.raw} {response.text}"


async def run_failing_call(services: Services, model: str, *, stream: bool) -> str:
    """Return what an error tracker records of a failed call: causes, frames and locals."""
    request: ChatRequest = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    call = Call("id", request, services.clock.now(), RetryPolicy())
    try:
        await (consume(services.gateway.stream(call)) if stream else services.gateway.complete(call))
    except GatewayError as error:
        failures = error.failures if isinstance(error, AttemptsExhausted) else ()
        return "".join(
            [format_error(error), f"{error!r} {error.__dict__}", *(repr(f.__dict__) for f in failures)]
        )
    return repr(call)


async def consume(chunks: AsyncGenerator[ChatChunk, None]) -> None:
    async with aclosing(chunks):
        async for _ in chunks:
            pass


def format_error(error: BaseException) -> str:
    """Return the traceback with locals, without the frame of the test, which contains all secrets."""
    below = error.__traceback__.tb_next if error.__traceback__ is not None else None
    report = traceback.TracebackException.from_exception(error.with_traceback(below), capture_locals=True)
    return "".join(report.format())


@pytest.mark.parametrize("name", [*CASES, *ECHOES])
@pytest.mark.parametrize("stream", [False, True])
def test_failures_reveal_no_key(tmp_path: Path, logged: io.StringIO, name: str, stream: bool) -> None:
    """In any failure, a key appears only in the header that its own provider received."""
    case = CASES.get(name) or ECHOES[name]

    with FakeProvider() as provider:
        provider.script("gpt-fake", case.answer)
        with primary_url(case.primary, provider) as primary:
            services = build_services(tmp_path, primary, provider, KEYS, max_retries=2)

            async def scenario(client: httpx.AsyncClient) -> str:
                responses = [await chat(client, model, stream=stream) for model in ("fast", "lone", "none")]
                failures = [
                    await run_failing_call(services, model, stream=stream)
                    for model in ("fast", "lone", "none")
                ]
                return "".join([*map(describe, responses), *failures, repr(services)])

            output = run_with_client(services, scenario)
        requests = provider.requests

    assert not revealed_secrets(output)
    assert not revealed_secrets(logged.getvalue())
    own = {"/v1/chat/completions": {SHAPED, SHAPELESS}, "/v1/messages": {THIRD}}
    for request in requests:
        assert request.key in own[request.path]
        others = {name: value for name, value in request.headers.items() if not value.endswith(request.key)}
        assert not revealed_secrets(f"{request.path} {others} {request.raw!r}")


def test_rejected_requests_reveal_no_key(tmp_path: Path, logged: io.StringIO) -> None:
    """Rejected requests, and the pages of admin API and console, contain no key."""

    async def scenario(client: httpx.AsyncClient) -> str:
        responses = [
            await client.get(path) for path in ("/health", "/v1/models", "/v1/models/x", "/console/", "/x")
        ]
        responses += [
            await client.post("/v1/chat/completions", content=body) for body in (b"{", b"[]", b"\xff")
        ]
        responses += [
            await client.get(path, headers={"authorization": f"Bearer {key}"})
            for path in ("/v1/models", "/admin/health", "/admin/config", "/admin/providers", "/admin/docs")
            for key in (SYSTEM, ADMIN, "ve-wrong", "")
        ]
        return "".join(map(describe, responses))

    with FakeProvider() as provider:
        output = run_with_client(build_services(tmp_path, provider.base_url, provider, KEYS), scenario)

    assert not revealed_secrets(output)
    assert not revealed_secrets(logged.getvalue())


def test_reprs_contain_no_secrets() -> None:
    """Every object with a secret hides it in its repr."""
    credential = Credential("one", SHAPELESS)
    keyring = Keyring([credential])
    settings = Settings(system_key=SYSTEM, admin_key=ADMIN, password=PASSWORD, vault="VE_VAULT_v1_x")
    objects = [credential, keyring, Secrets(keyring, digest_key(SYSTEM), digest_key(ADMIN)), settings]

    assert not revealed_secrets("".join(f"{one!r} {one} {[one]}" for one in objects))


def test_an_unopened_vault_reveals_no_key() -> None:
    """The error, printed with its causes and all locals, contains no key."""
    sealed = seal([Credential("one", SHAPELESS)], PASSWORD)

    with pytest.raises(VaultError) as caught:
        unseal(sealed[:-8] + "AAAAAAA=", PASSWORD)

    assert SHAPELESS not in format_error(caught.value)


def test_a_cancelled_request_reveals_no_key(tmp_path: Path, logged: io.StringIO) -> None:
    """A cancelled request writes no key to the log, not even in messages of asyncio."""

    async def scenario(client: httpx.AsyncClient) -> None:
        request = asyncio.create_task(chat(client, "fast", stream=True))
        await asyncio.sleep(0.05)
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        gc.collect()

    with FakeProvider() as provider:
        provider.script("gpt-fake", FakeResponse(hang=True))
        run_with_client(build_services(tmp_path, provider.base_url, provider, KEYS), scenario)

    assert not revealed_secrets(logged.getvalue())
