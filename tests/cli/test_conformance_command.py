"""`vaultedge conformance`: the table and the JSON output."""

from __future__ import annotations

import json

from tests.cli.conftest import Vaultedge


def test_the_table_has_rows_columns_and_a_legend(vaultedge: Vaultedge) -> None:
    """One row per capability, one column per requested dialect, and a legend."""
    result = vaultedge("conformance", "openai", "anthropic")
    lines = result.out.splitlines()

    assert (result.status, result.err) == (0, "")
    assert lines[0].split() == ["openai", "anthropic"]
    assert "audio input             yes       refused" in lines
    assert "emulated  supported by other means, with a report" in lines


def test_as_json_with_reasons(vaultedge: Vaultedge) -> None:
    """`--json` adds the reason and the tested model."""
    report = json.loads(vaultedge("conformance", "anthropic", "--json").out)

    assert report["anthropic"]["text"] == {"mark": "yes", "reason": None, "model": "claude-sonnet-4-5"}
    assert report["anthropic"]["seed"]["mark"] == "reported"
    assert report["anthropic"]["seed"]["reason"] == "Anthropic has no such parameter"


def test_an_unknown_dialect_is_a_usage_error(vaultedge: Vaultedge) -> None:
    """An unknown dialect is rejected with the list of dialects."""
    result = vaultedge("conformance", "klingon")

    assert result.status == 2
    assert "no simulated dialect is called klingon: choose from openai," in result.err
