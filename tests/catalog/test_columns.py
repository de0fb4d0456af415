"""Columns of a provider: every field of the dataclass can be set, in snake_case and in camelCase."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from vaultcore.catalog.columns import nodes_by_column, read_column
from vaultcore.catalog.document import parse
from vaultcore.catalog.load import builtin_rows, load_bytes
from vaultcore.catalog.media_offer import FORMATS
from vaultcore.catalog.schema import MediaOffer, Provider
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


def test_columns_for_deviations_are_read() -> None:
    """A new row has the values of its stanza."""
    row = load_bytes(GOOD, "own.yaml").providers["acme"]

    assert (row.roles, row.flatten, row.max_stop) == ({"tool": "user"}, True, 4)
    assert row.clamp == {"temperature": (0, 1.5), "top_p": (0.1, 0.9)}
    assert (row.formats, row.tool_choices) == (("json_schema",), ("auto", "none"))
    assert (row.reasoning, row.replay, row.functions, row.think_tags) == ("thinking", "none", True, True)


def test_defaults_of_a_new_provider() -> None:
    """By default, a provider deviates from OpenAI only in the role `developer`, which few accept."""
    row = load_bytes(b"providers: {acme: {base_url: https://api.acme.test/v1}}", "own.yaml").providers["acme"]

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
def test_an_invalid_value_is_rejected_with_its_key(column: str) -> None:
    """The error names the key of the invalid value."""
    text = f"providers:\n  groq: {{{column}}}"

    with pytest.raises(ConfigError) as caught:
        load_bytes(text.encode(), "own.yaml")

    assert caught.value.key == f"providers.groq.{BAD[column]}"


@pytest.mark.parametrize("row", [Provider, MediaOffer])
def test_every_field_is_a_column(row: type) -> None:
    """A field of the dataclass needs no other declaration: its name and its camelCase spelling are keys."""
    for column in fields(row):
        first, *words = column.name.split("_")
        for key in {column.name, first + "".join(word.capitalize() for word in words)}:
            assert list(nodes_by_column(parse(f"{key}: x".encode(), "own.yaml"), row)) == [column.name]


@pytest.mark.parametrize(
    ("alias", "column"), [("authScheme", "auth"), ("modelsUrl", "models_path"), ("modelPrefixes", "prefixes")]
)
def test_keys_of_the_original_are_accepted(alias: str, column: str) -> None:
    """Files of the original VaultEdge (TypeScript) name three columns differently."""
    assert list(nodes_by_column(parse(f"{alias}: x".encode(), "own.yaml"), Provider)) == [column]


def test_every_column_has_a_reader() -> None:
    """Every value of the built-in rows is read unchanged, so that each type of column has a reader."""
    for row in builtin_rows().values():
        for name, value in row.items():
            if name not in FORMATS:
                node = parse(json.dumps({"value": value}).encode(), "own.yaml").mapping()["value"]
                assert read_column(Provider, name, node) == value


def test_the_name_in_spans_is_a_column() -> None:
    """`telemetry_name` is the name by default."""
    rows = load_bytes(b"providers: {azure: {telemetryName: azure.ai.inference}}", "own.yaml").providers

    assert rows["azure"].telemetry_name == "azure.ai.inference"
    assert (rows["bedrock"].telemetry_name, rows["groq"].telemetry_name) == ("aws.bedrock", "groq")
