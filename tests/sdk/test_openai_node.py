"""The official `openai` package of npm against a served gateway."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.served import ROOT
from tests.sdk.conftest import House

MODULES = ROOT / "build" / "node"
SCRIPT = Path(__file__).parent / "node" / "check.mjs"


@pytest.fixture(scope="module")
def seen(house: House) -> Any:
    """What the script saw of the gateway."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (MODULES / "node_modules" / "openai").is_dir():
        pytest.skip("npm's openai package is not installed: make build/node/.installed")
    done = subprocess.run(
        [node, str(SCRIPT), str(MODULES), house.url],
        input=house.key,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
def test_a_node_program_streams_and_calls_tools(seen: Any, dialect: str) -> None:
    """Text is the same whole and streamed; parallel calls fold, and one without arguments is {}."""
    told = seen[dialect]

    assert "why is the sky blue?" in told["whole"]
    assert told["streamed"] == told["whole"]
    assert told["pieces"] > 5
    assert told["finish"] == "tool_calls"
    assert [[name, json.loads(arguments)] for name, arguments in told["called"]] == [
        ["weather", {"city": "a city"}],
        ["now", {}],
    ]


def test_a_node_program_gets_typed_errors(seen: Any) -> None:
    """Refusals are the package's own classes, with code and parameter."""
    assert seen["refused"] == {
        "kind": "AuthenticationError",
        "status": 401,
        "code": "invalid_api_key",
        "param": None,
    }
    assert (seen["unknown"]["kind"], seen["unknown"]["code"]) == ("NotFoundError", "model_not_found")
    assert (seen["wrong"]["kind"], seen["wrong"]["param"]) == ("BadRequestError", "messages")


def test_a_node_program_lists_models_and_reads_headers(seen: Any) -> None:
    """models.list and the response headers arrive."""
    assert "fast-llm" in seen["listed"]
    assert seen["provider"] in {"openai", "anthropic"}
