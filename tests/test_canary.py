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

from tests.fakes.faults import ADMIN, CASES, FIRST, OTHER, SYSTEM, Case, ask, chat, house, place
from tests.fakes.provider import Answer, FakeProvider
from vaultcore.call import Call
from vaultcore.errors import AttemptsExhausted, GatewayError, VaultError
from vaultcore.routing.attempts import RetryPolicy
from vaultcore.secrets import Secrets, digest
from vaultcore.services import Services
from vaultcore.settings import Settings
from vaultcore.telemetry import configure
from vaultcore.vault.keyring import Credential, Keyring
from vaultcore.vault.sealed import seal, unseal
from vaultcore.wire import ChatChunk, ChatRequest

# One key has the usual shape, one has none at all: the second is only known by its value.
SHAPED, SHAPELESS, THIRD = FIRST, "Kanarienvogel.Eins.Zwei.Drei", OTHER
PASSWORD = "correct horse battery canary staple"
MARKERS = (SHAPED, SHAPELESS, THIRD, SYSTEM, ADMIN, PASSWORD)
KEYS = (("one", SHAPELESS), ("one", SHAPED), ("two", THIRD))
ECHO = {"error": {"message": f"bad {SHAPED}, {SHAPELESS}", "type": "server_error", "code": SHAPELESS}}
HEADERS = {"x-request-debug": SHAPELESS, "set-cookie": f"key={SHAPED}"}
ECHOES = {
    "an echo in the middle of a stream": Case("host", Answer(after=4, pause=0.01, error_event=ECHO)),
    "an echo in a refusal": Case("request", Answer(400, HEADERS, json.dumps(ECHO).encode())),
    "an echo in a bad answer": Case("host", Answer(200, HEADERS, json.dumps(ECHO).encode()[:-9])),
}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at DEBUG, by whomever."""
    root = logging.getLogger()
    kept, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)


def spilled(text: str) -> set[str]:
    """The markers that a text shows, whole or in good part."""
    return {marker for marker in MARKERS if marker in text or marker[4:20] in text}


def shown(response: httpx.Response) -> str:
    return f"{response.status_code} {response.headers.raw} {response.text}"


async def tried(services: Services, model: str, *, stream: bool) -> str:
    """What a crash reporter would print of a failed call: all causes, all frames, all locals."""
    request: ChatRequest = {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    call = Call("id", request, services.clock.now(), RetryPolicy())
    try:
        await (drained(services.gateway.stream(call)) if stream else services.gateway.complete(call))
    except GatewayError as error:
        failures = error.failures if isinstance(error, AttemptsExhausted) else ()
        return "".join([printed(error), f"{error!r} {error.__dict__}", *(repr(f.__dict__) for f in failures)])
    return repr(call)


async def drained(chunks: AsyncGenerator[ChatChunk, None]) -> None:
    async with aclosing(chunks):
        async for _ in chunks:
            pass


def printed(error: BaseException) -> str:
    """A traceback without the frame of the test itself, which holds everything."""
    below = error.__traceback__.tb_next if error.__traceback__ is not None else None
    told = traceback.TracebackException.from_exception(error.with_traceback(below), capture_locals=True)
    return "".join(told.format())


@pytest.mark.parametrize("name", [*CASES, *ECHOES])
@pytest.mark.parametrize("stream", [False, True])
def test_no_fault_spills_a_key(tmp_path: Path, logged: io.StringIO, name: str, stream: bool) -> None:
    """Whatever goes wrong, keys appear in the header that their own provider received, and nowhere else."""
    case = CASES.get(name) or ECHOES[name]

    with FakeProvider() as provider:
        provider.script("gpt-fake", case.answer)
        with place(case.place, provider) as primary:
            services = house(tmp_path, primary, provider, KEYS, max_retries=2)

            async def story(client: httpx.AsyncClient) -> str:
                answers = [await chat(client, model, stream=stream) for model in ("fast", "lone", "none")]
                failures = [await tried(services, model, stream=stream) for model in ("fast", "lone", "none")]
                return "".join([*map(shown, answers), *failures, repr(services)])

            seen = ask(services, story)
        requests = provider.requests

    assert not spilled(seen)
    assert not spilled(logged.getvalue())
    own = {"/v1/chat/completions": {SHAPED, SHAPELESS}, "/v1/messages": {THIRD}}
    for request in requests:
        assert request.key in own[request.path]
        others = {name: value for name, value in request.headers.items() if not value.endswith(request.key)}
        assert not spilled(f"{request.path} {others} {request.raw!r}")


def test_refusals_spill_nothing(tmp_path: Path, logged: io.StringIO) -> None:
    """Requests that are refused, and the pages of admin and console, show no key of anybody's."""

    async def story(client: httpx.AsyncClient) -> str:
        asked = [
            await client.get(path) for path in ("/health", "/v1/models", "/v1/models/x", "/console/", "/x")
        ]
        asked += [await client.post("/v1/chat/completions", content=body) for body in (b"{", b"[]", b"\xff")]
        asked += [
            await client.get(path, headers={"authorization": f"Bearer {key}"})
            for path in ("/v1/models", "/admin/health", "/admin/config", "/admin/providers", "/admin/docs")
            for key in (SYSTEM, ADMIN, "ve-wrong", "")
        ]
        return "".join(map(shown, asked))

    with FakeProvider() as provider:
        seen = ask(house(tmp_path, provider.base_url, provider, KEYS), story)

    assert not spilled(seen)
    assert not spilled(logged.getvalue())


def test_no_repr_shows_a_secret() -> None:
    """Whatever holds a secret hides it when it is printed."""
    credential = Credential("one", SHAPELESS)
    keyring = Keyring([credential])
    settings = Settings(system_key=SYSTEM, admin_key=ADMIN, password=PASSWORD, vault="VE_VAULT_v1_x")
    held = [credential, keyring, Secrets(keyring, digest(SYSTEM), digest(ADMIN)), settings]

    assert not spilled("".join(f"{one!r} {one} {[one]}" for one in held))


def test_a_vault_that_does_not_open_spills_nothing() -> None:
    """The failure to open a vault, printed with its chain and all locals, shows no key."""
    sealed = seal([Credential("one", SHAPELESS)], PASSWORD)

    with pytest.raises(VaultError) as caught:
        unseal(sealed[:-8] + "AAAAAAA=", PASSWORD)

    assert SHAPELESS not in printed(caught.value)


def test_a_client_that_hangs_up_spills_nothing(tmp_path: Path, logged: io.StringIO) -> None:
    """A request that is cancelled half way leaves nothing in the log, not even of asyncio's."""

    async def story(client: httpx.AsyncClient) -> None:
        asking = asyncio.create_task(chat(client, "fast", stream=True))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        gc.collect()

    with FakeProvider() as provider:
        provider.script("gpt-fake", Answer(hang=True))
        ask(house(tmp_path, provider.base_url, provider, KEYS), story)

    assert not spilled(logged.getvalue())
