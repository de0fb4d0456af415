"""Heartbeats and deadlines of the entry points as they are deployed, in processes of their own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.provider import Answer, FakeProvider
from tests.handlers.deployment import EVENTS, deployment
from tests.handlers.emulator import Emulator, emulated
from tests.handlers.running import arrived, event, function, running
from vaultcore.web.deadline import LAST, SPARE
from vaultcore.web.reply import STILL_HERE


def test_heartbeats_leave_the_function(tmp_path: Path) -> None:
    """Before a provider's first word and between its words comments arrive, and the answer is whole."""

    async def scenario() -> None:
        async with function(tmp_path, VAULTEDGE_HEARTBEAT="200") as running:
            running.api.invoke(event("chat_stream"))
            report = await running.api.report()
            await arrived(report, STILL_HERE * 2)
            assert report.head["statusCode"] == 200
            assert b"data: " not in report.content
            running.provider.say("Hello")
            await arrived(report, b'"Hello"')
            said = report.body.index(b'"Hello"')
            while STILL_HERE not in report.body[said:]:
                assert await report.pieces.get() is not None
            running.provider.say("")
            await report.complete.wait()

            assert report.content.rstrip().endswith(b"data: [DONE]")
            assert report.trailers == {}

    running(scenario)


def test_the_end_of_an_invocation(tmp_path: Path) -> None:
    """A stream that would outlast its invocation ends whole before it; the next invocation is served."""

    async def scenario() -> None:
        async with function(tmp_path) as running:
            running.api.invoke(event("models"))
            await running.api.finished()  # the vault is open: what follows is no cold start
            left = SPARE + 1.5
            began = time.monotonic()
            running.api.invoke(event("chat_stream"), timeout=left)
            running.provider.say("Hello")
            report = await running.api.finished()

            assert time.monotonic() - began < left - LAST
            assert b'"Hello"' in report.content
            assert b'"deadline_exceeded"' in report.content
            assert b"[DONE]" not in report.content
            assert report.trailers == {}
            running.api.invoke(event("models"))
            assert (await running.api.finished()).head["statusCode"] == 200

    running(scenario)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with FakeProvider() as provider:
        yield provider


@pytest.fixture
def emulator(tmp_path: Path, provider: FakeProvider) -> Iterator[Emulator]:
    """The buffered function; its API waits five seconds, and one attempt may take one."""
    with deployment(tmp_path, provider.base_url) as deployed:
        (tmp_path / "providers.yaml").write_text(
            f"providers:\n  house-llm: {{base_url: '{provider.base_url}', local: true}}\n"
            "models:\n"
            "  gpt-4o-mini: {primary: house-llm/hangs, fallbacks: [house-llm/answers]}\n"
            "  gpt-lost: {primary: house-llm/hangs}\n",
            "utf-8",
        )
        environ = {
            **deployed.environ,
            "VAULTEDGE_INTEGRATION_TIMEOUT": "5000",
            "VAULTEDGE_TIMEOUT": "1000",
            "VAULTEDGE_BACKOFF_DELAY": "1",
        }
        with emulated(
            [sys.executable, "-m", "awslambdaric", "handlers.api.handler"], environ, tmp_path
        ) as it:
            yield it


def test_a_primary_that_hangs(emulator: Emulator, provider: FakeProvider) -> None:
    """Under AWS's emulator a fallback answers within the API's time; where there is none, JSON with a 504."""
    provider.script("hangs", Answer(hang=True))
    provider.script("answers", Answer(text="from the fallback"))
    asked = (EVENTS / "chat.json").read_bytes()
    lost = asked.replace(b"gpt-4o-mini", b"gpt-lost")
    emulator.invoke((EVENTS / "models.json").read_bytes())
    began = time.monotonic()
    rescued = json.loads(emulator.invoke(asked)[1])
    between = time.monotonic()
    refused = json.loads(emulator.invoke(lost)[1])

    assert rescued["statusCode"] == 200
    assert "from the fallback" in rescued["body"]
    assert between - began < 5.0
    assert refused["statusCode"] == 504
    assert json.loads(refused["body"])["error"]["code"] == "deadline_exceeded"
    assert time.monotonic() - between < 5.0
