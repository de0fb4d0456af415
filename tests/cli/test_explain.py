"""`vaultedge explain`: the plan of a request with this machine's vault."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Vaultedge

KEY = "sk-ant-0123456789abcdef"


def test_explain_plans_without_calling(vaultedge: Vaultedge) -> None:
    """Targets, masked keys and the rendered request are printed; the key is not."""
    vaultedge("vault", "init")
    vaultedge("vault", "add-key", "--provider", "anthropic", "--key", "-", stdin=KEY)
    result = vaultedge("explain", "claude-haiku-4-5", "--json")

    report = json.loads(result.out)
    assert result.status == 0
    assert report["candidates"][0]["provider"] == "anthropic"
    assert report["request"]["url"] == "https://api.anthropic.com/v1/messages"
    assert report["request"]["body"]["max_tokens"] > 0
    assert KEY not in result.out + result.err


def test_text_output(vaultedge: Vaultedge) -> None:
    """Without --json the output is text with the route and the targets without a key."""
    vaultedge("vault", "init")
    result = vaultedge("explain", "gpt-4o")

    assert result.status == 0
    assert "the vault has no key for openai" in result.out


def test_a_route_of_the_overlay_is_explained(vaultedge: Vaultedge, tmp_path: Path) -> None:
    """Routes of the providers file are used, with their fallbacks in order."""
    file = tmp_path / "providers.yaml"
    file.write_text("models: {fast: {primary: openai/gpt-4o, fallbacks: [anthropic/claude-haiku-4-5]}}")
    vaultedge("vault", "init")
    result = vaultedge("explain", "fast", "--providers", str(file), "--json")

    assert [each["provider"] for each in json.loads(result.out)["skipped"]] == ["openai", "anthropic"]


def test_an_unknown_model_fails(vaultedge: Vaultedge) -> None:
    """An unknown model gives one line on stderr and exit status 1."""
    vaultedge("vault", "init")
    result = vaultedge("explain", "no-such-model")

    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("vaultedge: no provider of this gateway serves the model")
