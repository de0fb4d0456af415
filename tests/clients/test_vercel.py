"""The Vercel AI SDK: `ai` with `@ai-sdk/openai-compatible`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import PICTURE, ROOT, House

MODULES = ROOT / "build" / "node-clients"
SCRIPT = Path(__file__).parent / "node" / "check.mjs"
MODELS = ("openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "anthropic/claude-simulated")


@pytest.fixture(scope="module")
def seen(served_house: House) -> Any:
    """What the script saw through the gateway, and what the providers were asked meanwhile."""
    served_house.asked()
    done = subprocess.run(
        ["node", str(SCRIPT), str(MODULES), served_house.url, PICTURE, *MODELS],
        input=served_house.key,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), served_house.asked()


@pytest.mark.parametrize("model", MODELS)
def test_tools_go_round_with_a_picture(seen: Any, model: str) -> None:
    """Parallel calls are made, their results sent back and told; streamed it is the same, with usage."""
    told = seen[0][model]

    assert told["calls"] == [["weather", {"city": "a city"}]] * 2
    assert told["steps"] == ["tool-calls", "stop"]
    assert "sunny in a city; sunny in a city" in told["whole"]
    assert told["streamed"] == told["whole"]
    assert told["tokens"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_structured_output_is_streamed(seen: Any, model: str) -> None:
    """The object grows as it is streamed, until it is whole."""
    told = seen[0][model]

    assert told["object"] == {"city": "a city", "days": 3}
    assert told["partial"] > 1


@pytest.mark.parametrize("model", MODELS)
def test_the_picture_arrives(seen: Any, model: str) -> None:
    """Each of the four requests of the two tool loops carries the picture to the provider."""
    bodies = [json.dumps(each["body"]) for each in seen[1] if model.endswith(f"/{each['model']}")]

    assert [PICTURE in body for body in bodies] == [True] * 4 + [False]
