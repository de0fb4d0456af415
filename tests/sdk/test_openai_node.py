"""The official `openai` package of npm against a served gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.served import ROOT
from tests.sdk.conftest import SdkGateway

MODULES = ROOT / "build" / "node"
SCRIPT = Path(__file__).parent / "node" / "check.mjs"


@pytest.fixture(scope="module")
def output(gateway: SdkGateway) -> Any:
    """Return the output of the Node script."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (MODULES / "node_modules" / "openai").is_dir():
        pytest.skip("npm's openai package is not installed: make build/node/.installed")
    process = subprocess.run(
        [node, str(SCRIPT), str(MODULES), gateway.url],
        input=gateway.key,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_node_streams_and_tool_calls(output: Any, dialect: str) -> None:
    """A stream equals the buffered text; parallel calls are accumulated, one without arguments as {}."""
    result = output[dialect]

    assert "why is the sky blue?" in result["buffered"]
    assert result["streamed"] == result["buffered"]
    assert result["fragments"] > 5
    assert result["finish"] == "tool_calls"
    assert [[name, json.loads(arguments)] for name, arguments in result["calls"]] == [
        ["weather", {"city": "a city"}],
        ["now", {}],
    ]


def test_node_errors(output: Any) -> None:
    """Errors are the package's own classes, with code and parameter."""
    assert output["unauthenticated"] == {
        "kind": "AuthenticationError",
        "status": 401,
        "code": "invalid_api_key",
        "param": None,
    }
    assert (output["unknown"]["kind"], output["unknown"]["code"]) == ("NotFoundError", "model_not_found")
    assert (output["invalid"]["kind"], output["invalid"]["param"]) == ("BadRequestError", "messages")


def test_node_models_and_headers(output: Any) -> None:
    """models.list and the response headers work."""
    assert "fast-llm" in output["models"]
    assert output["provider"] in {"openai", "anthropic"}
