"""The Vercel AI SDK: `ai` with `@ai-sdk/openai-compatible`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import IMAGE, ROOT, GatewayProcess

MODULES = ROOT / "build" / "node-clients"
SCRIPT = Path(__file__).parent / "node" / "check.mjs"
MODELS = ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "anthropic/claude-simulated")


@pytest.fixture(scope="module")
def output(gateway_process: GatewayProcess) -> Any:
    """Return the output of the Node script, and the provider requests it caused."""
    gateway_process.take_requests()
    process = subprocess.run(
        ["node", str(SCRIPT), str(MODULES), gateway_process.url, IMAGE, *MODELS],
        input=gateway_process.key,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout), gateway_process.take_requests()


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_loop_with_an_image(output: Any, model: str) -> None:
    """Parallel tool calls and their output work; the streamed loop returns the same text and usage."""
    result = output[0][model]

    assert result["calls"] == [["weather", {"city": "a city"}]] * 2
    assert result["steps"] == ["tool-calls", "stop"]
    assert "sunny in a city; sunny in a city" in result["buffered"]
    assert result["streamed"] == result["buffered"]
    assert result["tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_structured_output_is_streamed(output: Any, model: str) -> None:
    """The streamed object grows until it is complete."""
    result = output[0][model]

    assert result["object"] == {"city": "a city", "days": 3}
    assert result["partial"] > 1


@pytest.mark.parametrize("model", MODELS)
def test_the_image_reaches_the_provider(output: Any, model: str) -> None:
    """Each of the four requests of the two tool loops contains the image."""
    bodies = [json.dumps(each["body"]) for each in output[1] if model.endswith(f"/{each['model']}")]

    assert [IMAGE in body for body in bodies] == [True] * 4 + [False]
