"""The columns `embeddings` and `images` of a provider."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import load_bytes
from vaultcore.catalog.media_offer import FORMATS
from vaultcore.catalog.schema import Auth, MediaOffer
from vaultcore.errors import ConfigError

ROW = "providers:\n  acme:\n    base_url: https://api.acme.example/v1\n    {}\n"


def offers(line: str) -> tuple[MediaOffer, ...] | None:
    provider = load_bytes(ROW.format(line).encode(), "mine.yaml").provider("acme")
    assert provider is not None
    return provider.embeddings if line.startswith("embeddings") else provider.images


def test_a_row_without_offers_has_the_dialects_default() -> None:
    """A missing column is None; `none` is an empty tuple."""
    assert offers("title: Acme") is None
    assert offers("embeddings: none") == ()


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FORMATS.items() for name in names]
)
def test_the_name_of_a_format_is_enough(kind: str, name: str) -> None:
    """A name alone has the default columns of the format."""
    parsed = offers(f"{kind}: {name}")

    assert parsed is not None
    assert [each.format for each in parsed] == [name]
    assert parsed[0].path == FORMATS[kind][name]["path"]


def test_columns_override_the_defaults_of_a_format() -> None:
    """Columns of an offer replace the defaults of its format; several offers keep their order."""
    parsed = offers(
        "images: [{format: openai, when: flux, batch: 1, size: ratio, ratios: ['16:9'],"
        " hosts: [.acme.example], auth: {header: x-key}, values: {quality: {hd: high}},"
        " refuse: [style]}, openai]"
    )

    assert parsed is not None
    assert parsed[0].auth == Auth("x-key", "")
    assert (parsed[0].batch, parsed[0].when, parsed[0].ratios) == (1, ("flux",), ("16:9",))
    assert (parsed[0].refuse, parsed[0].values) == (frozenset({"style"}), {"quality": {"hd": "high"}})
    assert parsed[1] == MediaOffer("openai", "/images/generations", "/images/edits", batch=10)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("embeddings: telepathy", "embeddings"),
        ("embeddings: imagen", "embeddings"),
        ("images: cohere", "images"),
        ("embeddings: 5", "embeddings"),
        ("embeddings: {batch: 5}", "embeddings"),
        ("embeddings: {format: openai, batch: 0}", "embeddings.batch"),
        ("embeddings: {format: openai, tokens: maybe}", "embeddings.tokens"),
        ("embeddings: {format: openai, path: embeddings}", "embeddings.path"),
        ("embeddings: {format: openai, path: 'https://evil.example/x'}", "embeddings.path"),
        ("embeddings: {format: openai, path: '/x?key=1'}", "embeddings.path"),
        ("embeddings: {format: openai, path: '/{other}'}", "embeddings.path"),
        ("embeddings: {format: openai, bacth: 5}", "embeddings.bacth"),
        ("images: [openai, {format: bfl, hosts: ['*']}]", "images[1].hosts"),
        ("images: {format: bfl, hosts: ['.']}", "images.hosts"),
        ("images: {format: bfl, hosts: ['https://a.example']}", "images.hosts"),
        ("images: {format: gemini, ratios: [square]}", "images.ratios"),
        ("images: {format: gemini, size: large}", "images.size"),
        ("images: {format: gemini, scales: {1K: big}}", "images.scales.1K"),
        ("images: {format: openai, gives: pdf}", "images.gives"),
    ],
)
def test_an_invalid_offer_is_rejected_with_its_position(line: str, key: str) -> None:
    """An error names file, line and key."""
    with pytest.raises(ConfigError) as refused:
        offers(line)

    assert (refused.value.file, refused.value.line) == ("mine.yaml", 4)
    assert refused.value.key == f"providers.acme.{key}"
