"""The columns of a stanza that say where a provider strays from OpenAI's API."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import overlaid
from vaultcore.errors import ConfigError

GOOD = b"""
providers:
  acme:
    base_url: https://api.acme.test/v1
    roles: {tool: user}
    flatten: true
    clamp: {temperature: [0, 1.5], top_p: [0.1, 0.9]}
    max_stop: 4
    formats: json_schema
    tool_choices: [auto, none]
    reasoning: thinking
    replay: none
    functions: true
    think_tags: true
"""
BAD = {
    "roles: {boss: system}": "roles.boss",
    "roles: {tool: boss}": "roles.tool",
    "flatten: 1": "flatten",
    "clamp: {temperature: 1}": "clamp.temperature",
    "clamp: {temperature: [1]}": "clamp.temperature",
    "clamp: {temperature: [2, 1]}": "clamp.temperature",
    "clamp: {temperature: [a, 1]}": "clamp.temperature",
    "max_stop: 0": "max_stop",
    "formats: [xml]": "formats[0]",
    "tool_choices: [any]": "tool_choices[0]",
    "reasoning: loud": "reasoning",
    "replay: thoughts": "replay",
    "functions: maybe": "functions",
    "think_tags: <think>": "think_tags",
}


def test_every_column_can_be_written() -> None:
    """A row of an operator's own has what its stanza says."""
    row = overlaid(GOOD, "own.yaml").providers["acme"]

    assert (row.roles, row.flatten, row.max_stop) == ({"tool": "user"}, True, 4)
    assert row.clamp == {"temperature": (0, 1.5), "top_p": (0.1, 0.9)}
    assert (row.formats, row.tool_choices) == (("json_schema",), ("auto", "none"))
    assert (row.reasoning, row.replay, row.functions, row.think_tags) == ("thinking", "none", True, True)


def test_a_column_left_out_changes_nothing_but_roles() -> None:
    """A new provider is taken for one that does as OpenAI does, except that hardly any knows developers."""
    row = overlaid(b"providers: {acme: {base_url: https://api.acme.test/v1}}", "own.yaml").providers["acme"]

    assert row.roles == {"developer": "system"}
    assert (row.clamp, row.formats, row.tool_choices, row.reasoning, row.replay) == (
        {},
        None,
        None,
        None,
        None,
    )
    assert (row.flatten, row.functions, row.think_tags, row.max_stop) == (False, False, False, None)


@pytest.mark.parametrize("column", BAD)
def test_nonsense_is_refused_where_it_stands(column: str) -> None:
    """A column that makes no sense is refused with its key."""
    text = f"providers:\n  groq: {{{column}}}"

    with pytest.raises(ConfigError) as caught:
        overlaid(text.encode(), "own.yaml")

    assert caught.value.key == f"providers.groq.{BAD[column]}"
