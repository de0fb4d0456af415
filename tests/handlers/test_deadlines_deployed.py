"""Keep-alive comments and deadlines of the deployed entry points, in subprocesses."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.provider import FakeProvider, FakeResponse
from tests.handlers.deployment import EVENTS, serve_deployment
from tests.handlers.emulator import Emulator, run_emulator
from tests.handlers.stream_process import event, run_scenario, run_stream_process, wait_for_text
from vaultcore.streams.framing import SseFraming
from vaultcore.web.deadline import ENDING_TIME, ERROR_TIME


def test_heartbeats_leave_the_function(tmp_path: Path) -> None:
    """Comments arrive before the provider's first word and between words, and the response is complete."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path, VAULTEDGE_HEARTBEAT="200") as stream:
            stream.api.invoke(event("chat_stream"))
            report = await stream.api.report()
            await wait_for_text(report, SseFraming.keep_alive * 2)
            assert report.head["statusCode"] == 200
            assert b"data: " not in report.content
            stream.provider.say("Hello")
            await wait_for_text(report, b'"Hello"')
            position = report.body.index(b'"Hello"')
            while SseFraming.keep_alive not in report.body[position:]:
                assert await report.chunks.get() is not None
            stream.provider.say("")
            await report.complete.wait()

            assert report.content.rstrip().endswith(b"data: [DONE]")
            assert report.trailers == {}

    run_scenario(scenario)


def test_the_end_of_an_invocation(tmp_path: Path) -> None:
    """A stream that would outlast its invocation ends before it; the next invocation works."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path) as stream:
            stream.api.invoke(event("models"))
            await stream.api.finished()  # the vault is open: what follows is no cold start
            remaining = ENDING_TIME + 1.5
            started = time.monotonic()
            stream.api.invoke(event("chat_stream"), timeout=remaining)
            stream.provider.say("Hello")
            report = await stream.api.finished()

            assert time.monotonic() - started < remaining - ERROR_TIME
            assert b'"Hello"' in report.content
            assert b'"deadline_exceeded"' in report.content
            assert b"[DONE]" not in report.content
            assert report.trailers == {}
            stream.api.invoke(event("models"))
            assert (await stream.api.finished()).head["statusCode"] == 200

    run_scenario(scenario)


@pytest.fixture
def emulator(tmp_path: Path, provider: FakeProvider) -> Iterator[Emulator]:
    """The buffered function, with an API timeout of five seconds and one second per attempt."""
    with serve_deployment(tmp_path, provider.base_url) as deployed:
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
        with run_emulator(
            [sys.executable, "-m", "awslambdaric", "handlers.api.handler"], environ, tmp_path
        ) as running_emulator:
            yield running_emulator


def test_a_primary_that_hangs(emulator: Emulator, provider: FakeProvider) -> None:
    """Under AWS's emulator a fallback responds in time; without one, the response is a JSON 504."""
    provider.script("hangs", FakeResponse(hang=True))
    provider.script("answers", FakeResponse(text="from the fallback"))
    request = (EVENTS / "chat.json").read_bytes()
    without_fallback = request.replace(b"gpt-4o-mini", b"gpt-lost")
    emulator.invoke((EVENTS / "models.json").read_bytes())
    started = time.monotonic()
    rescued = json.loads(emulator.invoke(request)[1])
    fallback_done = time.monotonic()
    failed = json.loads(emulator.invoke(without_fallback)[1])

    assert rescued["statusCode"] == 200
    assert "from the fallback" in rescued["body"]
    assert fallback_done - started < 5.0
    assert failed["statusCode"] == 504
    assert json.loads(failed["body"])["error"]["code"] == "deadline_exceeded"
    assert time.monotonic() - fallback_done < 5.0
