"""A function that is killed before, during and after its answer: what its client sees, what is counted."""

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

from tests.fakes.provider import Answer, FakeProvider
from tests.handlers.deployment import EVENTS, PEPPER, ROOT, deployment
from tests.handlers.emulator import emulated
from tests.handlers.running import Running, arrived, event, function, running
from tests.lambda_runtime.runtime_api import Report
from vaultcore.admission.caller import account
from vaultcore.clock import SystemClock
from vaultcore.control.virtual_keys import VirtualKeys
from vaultcore.limits.account import day_of
from vaultcore.limits.limits import Limits
from vaultcore.limits.virtual_key import VirtualKey
from vaultcore.secrets import FixedSecrets, Secrets
from vaultcore.store import document_types
from vaultcore.store.sqlite.store import SqliteStore
from vaultcore.vault.keyring import Keyring

When = Literal["before", "during", "after"]
LEASE = 960.0


class Later(SystemClock):
    """When every lease of now is over."""

    def now(self) -> float:
        return super().now() + LEASE + 1


@dataclass(frozen=True)
class Counted:
    held: int  # tokens
    leases: int
    records: list[int]  # tokens of each


async def issued(file: Path) -> tuple[str, str]:
    """A virtual key with a quota: its account, and its token."""
    clock = SystemClock()
    store = SqliteStore(file, clock)
    secrets = FixedSecrets(Secrets(Keyring(()), pepper=PEPPER.encode()))
    draft = VirtualKey("", "a key", clock.now(), (), Limits(tokens=1_000_000))
    made = await VirtualKeys(store, secrets, clock, lambda: None).create(draft, "request")
    await store.aclose()
    return account(made.key.id), made.token


async def counted(file: Path, name: str, clock: SystemClock) -> Counted:
    """What an account holds, and what is recorded, once what is over has been given back."""
    store = SqliteStore(file, clock)
    await store.sweep(name)
    (found,) = await store.accounts(name)
    records = await store.entries(document_types.log(day_of(SystemClock().now())))
    await store.aclose()
    tokens = [one.body["prompt_tokens"] + one.body["completion_tokens"] for one in records]
    return Counted(found.tokens_held, len(found.leases), tokens)


def asking(token: str) -> Any:
    """The event of a streamed request with that key."""
    asked = event("chat_stream")
    asked["headers"]["Authorization"] = f"Bearer {token}"
    asked["multiValueHeaders"]["Authorization"] = [f"Bearer {token}"]
    return asked


async def killed(running: Running, asked: Any, when: When) -> Report | None:
    """Ask, and kill the function at that point of its answer; what had come of it."""
    running.api.invoke(asked)
    if when == "before":
        await running.provider.asked.wait()
        await running.crash()
        running.provider.hang_up()  # on nobody
        return None
    running.provider.say("Hello")
    report = await running.api.report()
    await arrived(report, b'"Hello"')
    if when == "during":
        await running.crash()
        running.provider.hang_up()
        return report
    running.provider.say("")
    await report.complete.wait()
    await running.retire()
    return report


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_killed_function(tmp_path: Path, when: When) -> None:
    """Nobody reads a false end, the next invocation works, and nothing is counted twice or held for ever."""

    async def scenario() -> None:
        file = tmp_path / "store.db"
        name, token = await issued(file)
        environ = {"VAULTEDGE_STORE": f"sqlite:{file}", "VAULTEDGE_PEPPER_SECRET": "gw/pepper"}
        async with function(tmp_path, **environ) as running:
            report = await killed(running, asking(token), when)
            if report is None:
                assert running.api.reports.empty()
            else:
                assert report.complete.is_set() == (when == "after")
                assert (b"[DONE]" in report.content) == (when == "after")
                assert b'"error"' not in report.content
            dead = await counted(file, name, SystemClock())

            await running.restart()
            running.api.invoke(asking(token))
            running.provider.say("Hello")
            running.provider.say("")
            answer = await running.api.finished()
            assert answer.head["statusCode"] == 200
            assert answer.content.rstrip().endswith(b"data: [DONE]")
        alive = await counted(file, name, SystemClock())
        later = await counted(file, name, Later())

        lost = when != "after"
        assert (len(dead.records), dead.leases) == (0, 1) if lost else (1, 0)
        assert alive.held == dead.held + alive.records[-1]
        assert len(alive.records) == len(dead.records) + 1
        assert later.records == alive.records
        assert (later.held, later.leases) == (sum(alive.records), 0)
        assert (alive.held > later.held) == lost

    running(scenario)


def runtimes(folder: Path) -> list[int]:
    """The processes that run our loop for the deployment in that folder."""
    home, found = f"HOME={folder}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told, environ = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if b"\0handlers.stream\0" in told and home in environ.split(b"\0"):
            found.append(int(process.name))
    return found


def test_the_emulator_starts_another(tmp_path: Path) -> None:
    """Under AWS's emulator a function killed in a request fails that one alone, and answers the next."""
    command = [str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py"]
    with FakeProvider() as provider, deployment(tmp_path, provider.base_url) as deployed:
        provider.script("gpt-4o-mini", Answer(hang=True), Answer(text="alive"))
        asked, answers = (EVENTS / "chat.json").read_bytes(), []
        with emulated(command, deployed.environ, tmp_path) as emulator:
            asking = threading.Thread(target=lambda: answers.append(emulator.invoke(asked)))
            asking.start()
            until = time.monotonic() + 20
            while not provider.requests and time.monotonic() < until:
                time.sleep(0.02)  # the emulator tells of nothing
            (runtime,) = runtimes(tmp_path)
            os.kill(runtime, signal.SIGKILL)
            asking.join(20)
            answers.append(emulator.invoke(asked))

    (_, lost), (status, found) = answers
    assert b"alive" not in lost
    assert b"errorType" in lost
    assert (status, b"alive" in found) == (200, True)
