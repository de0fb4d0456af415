from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes import emf
from tests.fakes.collector import Collector
from tests.fakes.emf import total
from tests.handlers.deployment import ROOT, deployment
from tests.handlers.gated_provider import gated_provider
from tests.handlers.running import event, running
from tests.lambda_runtime.runtime_api import runtime_api

FUNCTION = (str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py")


def test_an_invocation_is_told_before_the_process_may_be_frozen(tmp_path: Path) -> None:
    """In Lambda's own words: when the function asks for its next invocation, the metrics of the last one are
    on stdout, without any setting, and its spans at the collector.
    """

    async def scenario(collector: Collector) -> None:
        async with runtime_api() as api, gated_provider() as provider:
            with deployment(tmp_path, provider.base_url) as deployed:
                environ = {
                    **deployed.environ,
                    "AWS_LAMBDA_RUNTIME_API": api.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "gateway-stream",
                    "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                }
                pipe = asyncio.subprocess.PIPE
                process = await asyncio.create_subprocess_exec(*FUNCTION, env=environ, stdout=pipe)
                try:
                    assert process.stdout is not None
                    api.invoke(event("health"))
                    await api.finished()
                    api.invoke(event("chat_stream"))
                    provider.say("Hello")
                    provider.say("")
                    report = await api.finished()
                    assert report.content.rstrip().endswith(b"data: [DONE]")
                    api.invoke(event("health"))  # answered after the last one is over
                    await api.finished()
                    assert {span.kind for span in collector.spans} == {2, 3}
                    assert collector.resource["faas.name"] == "gateway-stream"
                    lines = b""
                    while b'"Requests":1' not in lines:
                        lines += await process.stdout.readline()
                    found = emf.metrics(lines.decode())
                    assert total(found, "Requests", Provider="house-llm") == 1
                    assert total(found, "Requests") == 1
                finally:
                    process.kill()
                    await process.communicate()

    with Collector() as collector:
        running(lambda: scenario(collector))
