"""What a row may say of embeddings and images."""

from __future__ import annotations

import pytest

from vaultcore.catalog.load import overlaid
from vaultcore.catalog.offer import FORMATS
from vaultcore.catalog.schema import Auth, Offer
from vaultcore.errors import ConfigError

ROW = "providers:\n  acme:\n    base_url: https://api.acme.example/v1\n    {}\n"


def offers(line: str) -> tuple[Offer, ...] | None:
    provider = overlaid(ROW.format(line).encode(), "mine.yaml").provider("acme")
    assert provider is not None
    return provider.embeddings if line.startswith("embeddings") else provider.images


def test_a_row_that_says_nothing_leaves_it_to_its_dialect() -> None:
    """None is not the same as `none`."""
    assert offers("title: Acme") is None
    assert offers("embeddings: none") == ()


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FORMATS.items() for name in names]
)
def test_a_formats_name_is_enough(kind: str, name: str) -> None:
    """A name alone stands for what that format usually is."""
    made = offers(f"{kind}: {name}")

    assert made is not None
    assert [each.format for each in made] == [name]
    assert made[0].path == FORMATS[kind][name]["path"]


def test_a_stanza_is_laid_over_its_format() -> None:
    """What a stanza says goes before what its format usually is, and several are kept in order."""
    made = offers(
        "images: [{format: openai, when: flux, batch: 1, size: ratio, ratios: ['16:9'],"
        " hosts: [.acme.example], auth: {header: x-key}, values: {quality: {hd: high}},"
        " refuse: [style]}, openai]"
    )

    assert made is not None
    assert made[0].auth == Auth("x-key", "")
    assert (made[0].batch, made[0].when, made[0].ratios) == (1, ("flux",), ("16:9",))
    assert (made[0].refuse, made[0].values) == (frozenset({"style"}), {"quality": {"hd": "high"}})
    assert made[1] == Offer("openai", "/images/generations", batch=10)


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
def test_a_slip_is_named(line: str, key: str) -> None:
    """A mistake is refused at start with its file, its line and its key."""
    with pytest.raises(ConfigError) as refused:
        offers(line)

    assert (refused.value.file, refused.value.line) == ("mine.yaml", 4)
    assert refused.value.key == f"providers.acme.{key}"
