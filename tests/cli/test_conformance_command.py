"""`vaultedge conformance`: the table for people, and the same as JSON."""

from __future__ import annotations

import json

from tests.cli.conftest import Vaultedge


def test_a_table_of_words(vaultedge: Vaultedge) -> None:
    """A row for each capability, a column for each dialect asked for, and what the words mean."""
    ran = vaultedge("conformance", "openai", "anthropic")
    lines = ran.out.splitlines()

    assert (ran.status, ran.err) == (0, "")
    assert lines[0].split() == ["openai", "anthropic"]
    assert "audio in                 yes       refused" in lines
    assert "emulated  got by other means, and reported" in lines


def test_as_json_with_reasons(vaultedge: Vaultedge) -> None:
    """`--json` adds why, and with which model it was found."""
    told = json.loads(vaultedge("conformance", "anthropic", "--json").out)

    assert told["anthropic"]["text"] == {"mark": "yes", "reason": None, "model": "claude-sonnet-4-5"}
    assert told["anthropic"]["seed"]["mark"] == "reported"
    assert told["anthropic"]["seed"]["reason"] == "Anthropic has no such parameter"


def test_an_unknown_dialect_is_misuse(vaultedge: Vaultedge) -> None:
    """What is no dialect is refused, with those that are."""
    ran = vaultedge("conformance", "klingon")

    assert ran.status == 2
    assert "klingon is no dialect that is simulated: openai," in ran.err
