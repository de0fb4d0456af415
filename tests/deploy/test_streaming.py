"""The deployed artifact as it streams: its own loop on a Runtime API, behind a stage that holds nothing back.

The emulator runs the buffered handler and knows no exec wrapper, so the function's process is started here:
by the wrapper, out of what was built, with the environment and the rights that the stack gave it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai

from tests.deploy.conftest import Deployment
from tests.deploy.emulated import function_python
from tests.deploy.front import front
from tests.deploy.stack import PATIENCE
from tests.handlers.gated_provider import GatedProvider, gated_provider
from tests.lambda_runtime.runtime_api import RuntimeApiServer, runtime_api

ASKED: Any = [{"role": "user", "content": "say it word by word"}]
WORDS = ["Word", " by", " word", "."]


@asynccontextmanager
async def function(deployed: Deployment, api: RuntimeApiServer, overlay: Path) -> AsyncIterator[None]:
    """The data plane's process, as Lambda would start it."""
    stack = deployed.stack
    configured = stack.client("lambda").get_function_configuration(
        FunctionName=stack.resources["StreamFunction"]
    )
    variables = dict(configured["Environment"]["Variables"])
    wrapper = Path(variables.pop("AWS_LAMBDA_EXEC_WRAPPER")).relative_to("/var/task")
    code = stack.built / "StreamFunction"
    rights = stack.role("StreamFunction")("sts")._request_signer._credentials
    environ = {
        "PATH": "/usr/bin:/bin",
        **variables,
        **stack.emulator.environ,
        "AWS_ACCESS_KEY_ID": rights.access_key,
        "AWS_SECRET_ACCESS_KEY": rights.secret_key,
        "AWS_SESSION_TOKEN": rights.token,
        "AWS_LAMBDA_FUNCTION_NAME": stack.resources["StreamFunction"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "LAMBDA_TASK_ROOT": str(code),
        "PROVIDERS_FILE": str(overlay),
    }
    with (overlay.parent / "function.txt").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(code / wrapper), function_python(), "bootstrap.py", env=environ, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def spoken(client: openai.AsyncOpenAI, provider: GatedProvider) -> list[str]:
    """The words of a streamed answer. A word is only said when the one before has come through."""
    provider.say(WORDS[0])
    heard: list[str] = []
    async for chunk in await client.chat.completions.create(model="fast", messages=ASKED, stream=True):
        if chunk.choices and (word := chunk.choices[0].delta.content):
            heard.append(word)
            provider.say([*WORDS, ""][len(heard)])
    return heard


def test_the_sdk_hears_each_word_when_it_is_said(deployed: Deployment, tmp_path: Path) -> None:
    """Through artifact, wrapper, role, table and vault of the stack, no word waits for the next."""
    stack = deployed.stack
    with stack.admin() as admin:
        key = admin.post("/admin/keys", json={"name": "streams", "token_quota": 100_000}).json()

    async def scenario() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            runtime_api() as api,
            gated_provider() as provider,
            front(api) as url,
        ):
            overlay = tmp_path / "providers.yaml"
            overlay.write_text(
                f"providers:\n  openai: {{base_url: '{provider.base_url}', local: true}}\n"
                "models:\n  fast: {primary: openai/gpt-4o-mini}\n",
                "utf-8",
            )
            direct = httpx.AsyncClient(trust_env=False)
            async with (
                function(deployed, api, overlay),
                openai.AsyncOpenAI(
                    api_key=key["key"], base_url=f"{url}/v1", max_retries=0, http_client=direct
                ) as client,
            ):
                assert await spoken(client, provider) == WORDS
                api.invoke({})  # what the first request still had to do is done when this has been taken
                await api.finished()

    asyncio.run(scenario())
    with stack.admin() as admin:
        (row,) = admin.get("/admin/logs", params={"key": key["id"]}).json()["data"]

    assert (row["provider"], row["status"]) == ("openai", 200)
