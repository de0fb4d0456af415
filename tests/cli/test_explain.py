"""`vaultedge explain`: what would be tried and sent, from the vault that is here."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Vaultedge

KEY = "sk-ant-0123456789abcdef"


def test_explain_plans_without_calling(vaultedge: Vaultedge) -> None:
    """Targets, masked keys and the rendered request are told; the key is not."""
    vaultedge("vault", "init")
    vaultedge("vault", "add-key", "--provider", "anthropic", "--key", "-", stdin=KEY)
    ran = vaultedge("explain", "claude-haiku-4-5", "--json")

    told = json.loads(ran.out)
    assert ran.status == 0
    assert told["candidates"][0]["provider"] == "anthropic"
    assert told["request"]["url"] == "https://api.anthropic.com/v1/messages"
    assert told["request"]["body"]["max_tokens"] > 0
    assert KEY not in ran.out + ran.err


def test_explain_reads_like_a_page(vaultedge: Vaultedge) -> None:
    """Without --json it is lines for people: the route, who has a key, who has none."""
    vaultedge("vault", "init")
    ran = vaultedge("explain", "gpt-4o")

    assert ran.status == 0
    assert "the vault holds no key for openai" in ran.out


def test_a_route_of_the_operators_is_explained(vaultedge: Vaultedge, tmp_path: Path) -> None:
    """The providers file decides, and its fallbacks are told in order."""
    file = tmp_path / "providers.yaml"
    file.write_text("models: {fast: {primary: openai/gpt-4o, fallbacks: [anthropic/claude-haiku-4-5]}}")
    vaultedge("vault", "init")
    ran = vaultedge("explain", "fast", "--providers", str(file), "--json")

    assert [each["provider"] for each in json.loads(ran.out)["skipped"]] == ["openai", "anthropic"]


def test_an_unknown_model_is_refused(vaultedge: Vaultedge) -> None:
    """What leads nowhere is one line on stderr and exit status 1."""
    vaultedge("vault", "init")
    ran = vaultedge("explain", "no-such-model")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("vaultedge: no provider here serves the model")
