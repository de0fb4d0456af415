"""Functions killed before, during and after a response: the client's view and the counters."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.handlers.deployment import EVENTS, PEPPER, ROOT, serve_deployment
from tests.handlers.emulator import run_emulator
from tests.handlers.stream_process import (
    StreamProcess,
    event,
    run_scenario,
    run_stream_process,
    wait_for_text,
)
from tests.lambda_runtime.runtime_api import Report
from vaultcore.admission.caller import account
from vaultcore.clock import SystemClock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.limits.account import day_of
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store import document_types
from vaultcore.store.sqlite.store import SQLiteStore
from vaultcore.vault.keyring import Keyring

KillPoint = Literal["before", "during", "after"]
LEASE = 960.0


class LaterClock(SystemClock):
    """A clock past the end of every current lease and of its bucket."""

    def now(self) -> float:
        return super().now() + LEASE + 61

    def monotonic(self) -> float:
        return super().monotonic() + LEASE + 61


@dataclass(frozen=True)
class AccountCounts:
    tokens_reserved: int  # tokens
    leases: int
    records: list[int]  # tokens of each


async def create_key(file: Path) -> tuple[str, str]:
    """Create a virtual key with a quota; return its account and token."""
    clock = SystemClock()
    store = SQLiteStore(file, clock)
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER.encode()))
    draft = VirtualKey("", "a key", clock.now(), (), Limits(tokens=1_000_000))
    created = await VirtualKeys(store, secrets, clock, lambda: None).create(draft, "request")
    await store.aclose()
    return account(created.key.id), created.token


async def read_counts(file: Path, name: str, clock: SystemClock) -> AccountCounts:
    """Return an account's reservations and its records, after a sweep of expired leases."""
    store = SQLiteStore(file, clock)
    await store.sweep(name)
    (stored,) = await store.accounts(name)
    records = await store.query(document_types.records_collection(day_of(SystemClock().now())))
    await store.aclose()
    tokens = [one.body["prompt_tokens"] + one.body["completion_tokens"] for one in records]
    return AccountCounts(stored.tokens_held, stored.in_flight, tokens)


def chat_event(token: str) -> Any:
    """Return the event of a streamed request with the key."""
    request = event("chat_stream")
    request["headers"]["Authorization"] = f"Bearer {token}"
    request["multiValueHeaders"]["Authorization"] = [f"Bearer {token}"]
    return request


async def invoke_and_kill(stream: StreamProcess, request: Any, kill_point: KillPoint) -> Report | None:
    """Invoke, and kill the function at that point of its response; return the report."""
    stream.api.invoke(request)
    if kill_point == "before":
        await stream.provider.request_arrived.wait()
        await stream.crash()
        stream.provider.hang_up()
        return None
    stream.provider.say("Hello")
    report = await stream.api.report()
    await wait_for_text(report, b'"Hello"')
    if kill_point == "during":
        await stream.crash()
        stream.provider.hang_up()
        return report
    stream.provider.say("")
    await report.complete.wait()
    await stream.retire()
    return report


@pytest.mark.parametrize("kill_point", ["before", "during", "after"])
def test_a_killed_function(tmp_path: Path, kill_point: KillPoint) -> None:
    """A killed function sends no false end, and nothing is counted twice or reserved forever."""

    async def scenario() -> None:
        file = tmp_path / "store.db"
        name, token = await create_key(file)
        environ = {"VAULTEDGE_STORE": f"sqlite:{file}", "VAULTEDGE_PEPPER_SECRET": "gw/pepper"}
        async with run_stream_process(tmp_path, **environ) as stream:
            report = await invoke_and_kill(stream, chat_event(token), kill_point)
            if report is None:
                assert stream.api.reports.empty()
            else:
                assert report.complete.is_set() == (kill_point == "after")
                assert (b"[DONE]" in report.content) == (kill_point == "after")
                assert b'"error"' not in report.content
            dead = await read_counts(file, name, SystemClock())

            await stream.restart()
            stream.api.invoke(chat_event(token))
            stream.provider.say("Hello")
            stream.provider.say("")
            answer = await stream.api.finished()
            assert answer.head["statusCode"] == 200
            assert answer.content.rstrip().endswith(b"data: [DONE]")
        alive = await read_counts(file, name, SystemClock())
        later = await read_counts(file, name, LaterClock())

        is_incomplete = kill_point != "after"
        assert (len(dead.records), dead.leases) == (0, 1) if is_incomplete else (1, 0)
        assert alive.tokens_reserved == dead.tokens_reserved + alive.records[-1]
        assert len(alive.records) == len(dead.records) + 1
        assert later.records == alive.records
        assert (later.tokens_reserved, later.leases) == (sum(alive.records), 0)
        assert (alive.tokens_reserved > later.tokens_reserved) == is_incomplete

    run_scenario(scenario)


def runtimes(folder: Path) -> list[int]:
    """Return the ids of the processes that run our loop for that deployment."""
    home, ids = f"HOME={folder}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environ = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"\0handlers.stream\0" in command and home in environ.split(b"\0"):
            ids.append(int(process.name))
    return ids


def test_the_emulator_restarts_a_killed_function(tmp_path: Path) -> None:
    """Under AWS's emulator only the killed request fails; the next one succeeds."""
    command = [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"]
    with FakeProvider() as provider, serve_deployment(tmp_path, provider.base_url) as deployed:
        provider.script("gpt-4o-mini", FakeResponse(hang=True), FakeResponse(text="alive"))
        request, answers = (EVENTS / "chat.json").read_bytes(), []
        with run_emulator(command, deployed.environ, tmp_path) as emulator:
            client = threading.Thread(target=lambda: answers.append(emulator.invoke(request)))
            client.start()
            deadline = time.monotonic() + 20
            while not provider.requests and time.monotonic() < deadline:
                time.sleep(0.02)  # the emulator does not report calls
            (runtime,) = runtimes(tmp_path)
            os.kill(runtime, signal.SIGKILL)
            client.join(20)
            answers.append(emulator.invoke(request))

    (_, failed), (status, body) = answers
    assert b"alive" not in failed
    assert b"errorType" in failed
    assert (status, b"alive" in body) == (200, True)
