"""The deployed artifact, streaming: its own loop on a fake Runtime API behind a fake API Gateway.

The emulator runs the buffered handler and ignores exec wrappers. The test starts the built artifact with the
wrapper, the stack's environment and its role's credentials.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import openai

from tests.deploy.aws_emulator import function_python
from tests.deploy.conftest import Deployment
from tests.deploy.fake_api_gateway import serve_api_gateway
from tests.deploy.stack import TIMEOUT
from tests.handlers.stepped_provider import SteppedProvider, serve_stepped_provider
from tests.lambda_runtime.runtime_api import RuntimeApiServer, runtime_api

MESSAGES: Any = [{"role": "user", "content": "say it word by word"}]
WORDS = ["Word", " by", " word", "."]


@asynccontextmanager
async def function(deployed: Deployment, api: RuntimeApiServer, overlay: Path) -> AsyncIterator[None]:
    """Run the data plane's process as Lambda starts it."""
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


async def read_words(client: openai.AsyncOpenAI, provider: SteppedProvider) -> list[str]:
    """Return the words of a streamed response; the provider sends each after the previous one has arrived."""
    provider.say(WORDS[0])
    words: list[str] = []
    async for chunk in await client.chat.completions.create(model="fast", messages=MESSAGES, stream=True):
        if chunk.choices and (word := chunk.choices[0].delta.content):
            words.append(word)
            provider.say([*WORDS, ""][len(words)])
    return words


def test_the_sdk_gets_each_word_at_once(deployed: Deployment, tmp_path: Path) -> None:
    """Through the stack's artifact, wrapper, role, table and vault, no word waits for the next."""
    stack = deployed.stack
    with stack.admin() as admin:
        key = admin.post("/admin/keys", json={"name": "streams", "token_quota": 100_000}).json()

    async def scenario() -> None:
        async with (
            asyncio.timeout(TIMEOUT),
            runtime_api() as api,
            serve_stepped_provider() as provider,
            serve_api_gateway(api) as url,
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
                assert await read_words(client, provider) == WORDS
                api.invoke({})  # the first request's settlement is done when this is accepted
                await api.finished()

    asyncio.run(scenario())
    with stack.admin() as admin:
        (row,) = admin.get("/admin/logs", params={"key": key["id"]}).json()["data"]

    assert (row["provider"], row["status"]) == ("openai", 200)
