from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.handlers.running import arrived, event, function, running


def test_words_pass_one_by_one(tmp_path: Path) -> None:
    """A provider's word is at the Runtime API before the provider says the next one."""

    async def scenario() -> None:
        async with function(tmp_path) as running:
            running.api.invoke(event("chat_stream"))
            words = ["Hello", " dear", " Zoë", "."]
            running.provider.say(words[0])
            report = await running.api.report()
            await arrived(report, b'"Hello"')
            for word in words[1:]:
                assert json.dumps(word).encode() not in report.body
                running.provider.say(word)
                await arrived(report, word.encode() if word.isascii() else b" Zo")
            running.provider.say("")
            await report.complete.wait()

            assert report.head["statusCode"] == 200
            assert report.head["headers"]["content-type"].startswith("text/event-stream")
            assert report.content.rstrip().endswith(b"data: [DONE]")
            assert report.trailers == {}

    running(scenario)


def test_a_provider_that_breaks_off(tmp_path: Path) -> None:
    """After the first word a failure is an event of the stream, not [DONE]; the stream itself is whole."""

    async def scenario() -> None:
        async with function(tmp_path) as running:
            running.api.invoke(event("chat_stream"))
            running.provider.say("Hello")
            report = await running.api.report()
            await arrived(report, b'"Hello"')
            running.provider.hang_up()
            await report.complete.wait()

            assert b'"error"' in report.content
            assert b"[DONE]" not in report.content
            assert report.trailers == {}

    running(scenario)


def test_a_failure_before_the_first_word_is_a_status(tmp_path: Path) -> None:
    """Where no provider answers, the client gets 502 and an envelope, not a stream that breaks."""

    async def scenario() -> None:
        async with function(tmp_path, VAULTEDGE_BACKOFF_DELAY="1") as running:
            running.api.invoke(event("chat_stream"))
            for _ in range(12):
                running.provider.hang_up()
            report = await running.api.finished()

            assert report.head["statusCode"] == 502
            assert json.loads(report.content)["error"]["code"] == "all_providers_failed"

    running(scenario)


def test_the_vault_is_opened_after_the_restore(tmp_path: Path) -> None:
    """Under SnapStart no secret is read before the snapshot; after the restore, once, before any request."""

    async def scenario() -> None:
        async with function(tmp_path, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") as running:
            asked = running.deployed.secrets.asked
            await running.api.snapshot.wait()
            assert asked == []
            running.api.restore.set()
            await asyncio.to_thread(running.deployed.secrets.wait_for_question, 1)
            running.api.invoke(event("models"))
            report = await running.api.finished()

            assert report.head["statusCode"] == 200
            assert running.api.calls[:2] == ["GET restore/next", "GET invocation/next"]
            assert asked == [["gw/vault", "gw/password", "gw/system"]]

    running(scenario)


def test_secrets_manager_down_at_the_start(tmp_path: Path) -> None:
    """The function starts without Secrets Manager, answers 503 with Retry-After, and mends itself."""

    async def scenario() -> None:
        async with function(tmp_path) as running:
            running.deployed.secrets.outage = (400, "AccessDeniedException")
            running.api.invoke(event("health"))
            assert (await running.api.finished()).head["statusCode"] == 200
            running.api.invoke(event("models"))
            refused = await running.api.finished()
            assert refused.head["statusCode"] == 503
            assert 1 <= int(refused.head["headers"]["retry-after"]) <= 2
            assert json.loads(refused.content)["error"]["type"] == "service_unavailable"

            running.deployed.secrets.outage = None
            while True:
                running.api.invoke(event("models"))
                if (await running.api.finished()).head["statusCode"] == 200:
                    break
                await asyncio.sleep(0.1)  # the process has a clock of its own

    running(scenario)


def test_a_setting_that_makes_no_sense(tmp_path: Path) -> None:
    """A function that cannot be put together tells Lambda which setting is wrong, and ends."""

    async def scenario() -> None:
        async with function(tmp_path, PROVIDERS_FILE="absent.yaml") as running:
            report = await running.api.finished()
            told = json.loads(report.body)

            assert report.path.endswith("/init/error")
            assert told["errorType"] == "ConfigError"
            assert "absent.yaml" in told["errorMessage"]
            assert await running.process.wait() == 1

    running(scenario)
