from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.fakes import emf
from tests.fakes.collector import Collector
from tests.fakes.emf import total
from tests.handlers.deployment import ROOT, serve_deployment
from tests.handlers.stepped_provider import serve_stepped_provider
from tests.handlers.stream_process import event, run_scenario
from tests.lambda_runtime.runtime_api import runtime_api

FUNCTION = (str(ROOT / "handlers" / "run_stream"), sys.executable, "bootstrap.py")


def test_an_invocation_exports_before_the_process_is_frozen(tmp_path: Path) -> None:
    """When the function requests its next invocation, the metrics of the previous one are on stdout and its
    spans are at the collector, without any setting.
    """

    async def scenario(collector: Collector) -> None:
        async with runtime_api() as api, serve_stepped_provider() as provider:
            with serve_deployment(tmp_path, provider.base_url) as deployed:
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
                    api.invoke(event("health"))  # starts after the previous invocation has ended
                    await api.finished()
                    assert {span.kind for span in collector.spans} == {2, 3}
                    assert collector.resource["faas.name"] == "gateway-stream"
                    lines = b""
                    while b'"Requests":1' not in lines:
                        lines += await process.stdout.readline()
                    metrics = emf.metrics(lines.decode())
                    assert total(metrics, "Requests", Provider="house-llm") == 1
                    assert total(metrics, "Requests") == 1
                finally:
                    process.kill()
                    await process.communicate()

    with Collector() as collector:
        run_scenario(lambda: scenario(collector))
