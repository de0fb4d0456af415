"""The streamed entry point in a subprocess, with a fake Runtime API."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.handlers.stream_process import event, run_scenario, run_stream_process, wait_for_text


def test_words_are_streamed_one_by_one(tmp_path: Path) -> None:
    """A provider's word reaches the Runtime API before the provider sends the next one."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path) as stream:
            stream.api.invoke(event("chat_stream"))
            words = ["Hello", " dear", " Zoë", "."]
            stream.provider.say(words[0])
            report = await stream.api.report()
            await wait_for_text(report, b'"Hello"')
            for word in words[1:]:
                assert json.dumps(word).encode() not in report.body
                stream.provider.say(word)
                await wait_for_text(report, word.encode() if word.isascii() else b" Zo")
            stream.provider.say("")
            await report.complete.wait()

            assert report.head["statusCode"] == 200
            assert report.head["headers"]["content-type"].startswith("text/event-stream")
            assert report.content.rstrip().endswith(b"data: [DONE]")
            assert report.trailers == {}

    run_scenario(scenario)


def test_a_broken_provider_stream_is_an_error_event(tmp_path: Path) -> None:
    """After the first word a failure is an error event, without [DONE]; the response itself is complete."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path) as stream:
            stream.api.invoke(event("chat_stream"))
            stream.provider.say("Hello")
            report = await stream.api.report()
            await wait_for_text(report, b'"Hello"')
            stream.provider.hang_up()
            await report.complete.wait()

            assert b'"error"' in report.content
            assert b"[DONE]" not in report.content
            assert report.trailers == {}

    run_scenario(scenario)


def test_a_failure_before_the_first_word_is_a_status(tmp_path: Path) -> None:
    """If no provider responds, the client gets a 502 with an error envelope."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path, VAULTEDGE_BACKOFF_DELAY="1") as stream:
            stream.api.invoke(event("chat_stream"))
            for _ in range(12):
                stream.provider.hang_up()
            report = await stream.api.finished()

            assert report.head["statusCode"] == 502
            assert json.loads(report.content)["error"]["code"] == "all_providers_failed"

    run_scenario(scenario)


def test_the_vault_is_opened_after_the_restore(tmp_path: Path) -> None:
    """Under SnapStart the secrets are read once, after the restore and before any request."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") as stream:
            calls = stream.deployed.secrets.requests
            await stream.api.snapshot.wait()
            assert calls == []
            stream.api.restore.set()
            await asyncio.to_thread(stream.deployed.secrets.wait_for_requests, 1)
            stream.api.invoke(event("models"))
            report = await stream.api.finished()

            assert report.head["statusCode"] == 200
            assert stream.api.calls[:2] == ["GET restore/next", "GET invocation/next"]
            assert calls == [["gw/vault", "gw/password", "gw/system"]]

    run_scenario(scenario)


def test_start_without_secrets_manager(tmp_path: Path) -> None:
    """The function starts without Secrets Manager, returns 503 with Retry-After, and recovers."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path) as stream:
            stream.deployed.secrets.outage = (400, "AccessDeniedException")
            stream.api.invoke(event("health"))
            assert (await stream.api.finished()).head["statusCode"] == 200
            stream.api.invoke(event("models"))
            failed = await stream.api.finished()
            assert failed.head["statusCode"] == 503
            assert 1 <= int(failed.head["headers"]["retry-after"]) <= 2
            assert json.loads(failed.content)["error"]["type"] == "service_unavailable"

            stream.deployed.secrets.outage = None
            while True:
                stream.api.invoke(event("models"))
                if (await stream.api.finished()).head["statusCode"] == 200:
                    break
                await asyncio.sleep(0.1)  # the process has its own clock

    run_scenario(scenario)


def test_an_invalid_setting_is_an_init_error(tmp_path: Path) -> None:
    """A function that cannot be built reports the wrong setting to Lambda and exits."""

    async def scenario() -> None:
        async with run_stream_process(tmp_path, PROVIDERS_FILE="absent.yaml") as stream:
            report = await stream.api.finished()
            error = json.loads(report.body)

            assert report.path.endswith("/init/error")
            assert error["errorType"] == "ConfigError"
            assert "absent.yaml" in error["errorMessage"]
            assert await stream.process.wait() == 1

    run_scenario(scenario)
