"""Prices in overlay files, in every unit."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.load import load_builtin, load_bytes
from vaultcore.catalog.pricing import MAX_USD, SERVICES
from vaultcore.catalog.schema import TOKENS, TOOL_UNITS, Model, Price, PriceTier, ServiceTier
from vaultcore.errors import ConfigError
from vaultcore.money import from_usd

BUILTIN = load_builtin()
WHOLE = """\
prices:
  openai/gpt-4o:
    input: 2
    output: 8
    cache_read: 0.2
    cache_write: 2.5
    cache_write_1h: 4
    reasoning: 3
    audio_input: 32
    audio_output: 64
    audio_cache_read: 0.4
    image_input: 5
    image_output: 40
    image_cache_read: 0.5
    video_input: 6
    video_output: 17.5
    request: 0.005
    picture: {1024x1024: 0.04, 1024x1024/hd: 0.08, default: 0.1}
    tiers:
      - {above: 272000, input: 4, output: 12}
      - {above: 1000, input: 3, output: 9, cache_read: 0.3}
    services:
      flex: {input: 1, output: 4, tiers: [{above: 272000, input: 2, output: 6}]}
      priority: {input: 4, output: 16}
"""


def over(text: str) -> Catalog:
    return load_bytes(text.encode(), "own.yaml")


def test_every_unit_may_have_a_price() -> None:
    """Token prices are per million, requests and images each; tiers and services are complete prices."""
    model = over(WHOLE).model("openai", "gpt-4o")
    dollars: dict[str, float] = {
        "input": 2,
        "output": 8,
        "cache_read": 0.2,
        "cache_write": 2.5,
        "cache_write_1h": 4,
        "reasoning": 3,
        "audio_input": 32,
        "audio_output": 64,
        "audio_cache_read": 0.4,
        "image_input": 5,
        "image_output": 40,
        "image_cache_read": 0.5,
        "video_input": 6,
        "video_output": 17.5,
        "request": 5_000,
    }
    pictures = {"1024x1024": from_usd(40_000), "1024x1024/hd": from_usd(80_000), "": from_usd(100_000)}

    assert model.price == Price(
        **{name: from_usd(amount) for name, amount in dollars.items()}, pictures=pictures
    )
    assert {field.name for field in dataclasses.fields(Price)} == {*TOKENS, "request", "pictures"}
    assert model.tiers == (
        PriceTier(1_000, Price(from_usd(3), from_usd(9), cache_read=from_usd("0.3"))),
        PriceTier(272_000, Price(from_usd(4), from_usd(12))),
    )
    assert model.services == (
        ServiceTier(
            "flex", Price(from_usd(1), from_usd(4)), (PriceTier(272_000, Price(from_usd(2), from_usd(6))),)
        ),
        ServiceTier("priority", Price(from_usd(4), from_usd(16))),
    )


def test_a_price_replaces_tiers_and_services() -> None:
    """No tier or service tier of the built-in price remains; capabilities stay."""
    known = BUILTIN.model("openai", "gpt-5.5")
    model = over("prices: {openai/gpt-5.5: {input: 1, output: 2}}").model("openai", "gpt-5.5")

    assert known.tiers
    assert known.services
    assert (model.price, model.tiers, model.services) == (Price(from_usd(1), from_usd(2)), (), ())
    assert (model.capabilities, model.context_window) == (known.capabilities, known.context_window)


@pytest.mark.parametrize("unit", TOOL_UNITS)
def test_every_tool_may_have_a_price(unit: str) -> None:
    """A tool's price is per use. It replaces the built-in one; other tools keep theirs."""
    text = "prices: {{openai/gpt-5.5: {{input: 1, output: 2, {}: 0.125}}}}"
    known, model = BUILTIN.model("openai", "gpt-5.5"), over(text.format(unit)).model("openai", "gpt-5.5")

    assert model.tool_prices == {**known.tool_prices, unit: from_usd("0.125") * 1_000_000}
    assert (
        over(text.format(unit)).price_version != over(text.format(unit).replace("125", "126")).price_version
    )


def test_an_own_price_has_no_regional_surcharge() -> None:
    """An operator's price is complete: no factor of the built-in row changes it."""
    text = "prices: {anthropic/claude-opus-4-6: {input: 1, output: 2}}"

    assert BUILTIN.model("anthropic", "claude-opus-4-6").regions == {"us": 110}
    assert over(text).model("anthropic", "claude-opus-4-6").regions == {}


def test_image_prices_need_no_token_prices() -> None:
    """Image prices need no token prices; one number applies to every kind."""
    model = over("prices: {gemini/imagen-4.0-generate-001: {picture: 0.04}}").model(
        "gemini", "imagen-4.0-generate-001"
    )

    assert model.price == Price(0, 0, pictures={"": from_usd(40_000)})


@pytest.mark.parametrize(
    ("price", "line", "key"),
    [
        ("{input: 1}", 2, ""),
        ("{output: 1}", 2, ""),
        ("{}", 2, ""),
        ("3", 2, ""),
        ("{input: 1, output: 2, cached: 1}", 2, ".cached"),
        ("{input: -1, output: 2}", 2, ".input"),
        ("{input: .nan, output: 2}", 2, ".input"),
        ("{input: 1, output: true}", 2, ".output"),
        ("{input: 1, output: 2, reasoning: 1000001}", 2, ".reasoning"),
        ("{input: 1, output: 2, request: 1001}", 2, ".request"),
        ("{input: 1, output: 2, picture: x}", 2, ".picture"),
        ("{picture: {}}", 2, ".picture"),
        ("{picture: {1024 x 1024: 1}}", 2, ".picture.1024 x 1024"),
        ("\n    input: 1\n    output: 2\n    tiers:\n      - input: 1\n        output: 2", 6, ".tiers[0]"),
        ("{input: 1, output: 2, tiers: {above: 1}}", 2, ".tiers"),
        ("{input: 1, output: 2, tiers: [{above: 5, input: 1}]}", 2, ".tiers[0]"),
        ("{input: 1, output: 2, tiers: [{above: 0.5, input: 1, output: 1}]}", 2, ".tiers[0].above"),
        (
            "{input: 1, output: 2, tiers: [{above: 5, input: 1, output: 1}, {above: 5, picture: 2}]}",
            2,
            ".tiers[1].above",
        ),
        ("{input: 1, output: 2, tiers: [{above: 5, input: 1, output: 1, tiers: []}]}", 2, ".tiers[0].tiers"),
        ("{input: 1, output: 2, services: {flexx: {input: 1, output: 1}}}", 2, ".services.flexx"),
        ("{input: 1, output: 2, services: {flex: {input: 1}}}", 2, ".services.flex"),
        (
            "{input: 1, output: 2, services: {flex: {input: 1, output: 1, services: {}}}}",
            2,
            ".services.flex.services",
        ),
    ],
)
def test_an_invalid_price_is_rejected_with_its_position(price: str, line: int, key: str) -> None:
    """An error names file, line and key."""
    with pytest.raises(ConfigError) as refused:
        over(f"prices:\n  openai/gpt-4o: {price}\n")

    error = refused.value
    assert (error.file, error.line, error.key) == ("own.yaml", line, f"prices.openai/gpt-4o{key}")


def test_too_many_tiers_are_rejected() -> None:
    """Every request evaluates the tiers, so their number is limited."""
    tiers = [{"above": above, "input": 1, "output": 1} for above in range(1, 18)]

    with pytest.raises(ConfigError, match="more than 16 tiers"):
        over(yaml.safe_dump({"prices": {"openai/gpt-4o": {"input": 1, "output": 1, "tiers": tiers}}}))


def test_a_model_has_one_price() -> None:
    """Two aliases of a provider cannot give a model two prices."""
    with pytest.raises(ConfigError, match="has a price already"):
        over("prices: {google/g: {input: 1, output: 1}, gemini/g: {input: 2, output: 1}}")


AMOUNTS = st.integers(0, MAX_USD).map(lambda usd: usd / 100)
UNITS = st.dictionaries(st.sampled_from(TOKENS[2:]), AMOUNTS, max_size=3)
PRICES = st.builds(
    lambda units, came, went: {**units, "input": came, "output": went}, UNITS, AMOUNTS, AMOUNTS
)
OWN = st.builds(
    lambda price, tiers, services: {
        **price,
        "tiers": [{**tier, "above": above} for above, tier in tiers.items()],
        "services": services,
    },
    PRICES,
    st.dictionaries(st.integers(1, 9), PRICES, max_size=2),
    st.dictionaries(st.sampled_from(SERVICES), PRICES, max_size=2),
)
FILES = st.dictionaries(st.sampled_from(["openai/gpt-4o", "openai/gpt-5.5", "groq/new"]), OWN, max_size=2)


def effective(catalog: Catalog) -> list[tuple[Any, ...]]:
    names = [("openai", "gpt-4o"), ("openai", "gpt-5.5"), ("groq", "new")]
    models: list[Model] = [catalog.model(*name) for name in names]
    return [
        (model.price, model.tiers, sorted(model.services, key=lambda each: each.name)) for model in models
    ]


@settings(max_examples=30, deadline=None)  # each reads the whole catalog three times
@given(FILES, FILES)
def test_the_price_version_identifies_prices(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Catalogs with equal versions have equal prices, whatever the order in the file."""
    first, second = (over(yaml.safe_dump({"prices": each})) for each in (one, other))
    turned = over(yaml.safe_dump({"prices": dict(reversed(one.items()))}, sort_keys=False))

    assert turned.price_version == first.price_version
    if effective(first) != effective(second):
        assert first.price_version != second.price_version


@pytest.mark.parametrize("unit", [*TOKENS, "request", "picture"])
def test_each_unit_is_in_the_price_version(unit: str) -> None:
    """A change of any unit, also in a tier, changes the version."""
    text = "prices: {{openai/gpt-4o: {{{0}tiers: [{{above: 9, {1}}}]}}}}"
    usual = {"input": 1, "output": 1, unit: 1}
    dear = {**usual, unit: 2}

    def version(price: dict[str, int], tier: dict[str, int]) -> str:
        written = [", ".join(f"{name}: {usd}" for name, usd in each.items()) for each in (price, tier)]
        return over(text.format(written[0] + ", ", written[1])).price_version

    assert len({version(usual, usual), version(dear, usual), version(usual, dear)}) == 3


def test_the_guide_is_correct() -> None:
    """Its example loads, and its table lists every unit."""
    text = (Path(__file__).parents[2] / "docs/prices.md").read_text("utf-8")
    _, example, _ = re.split(r"```(?:yaml)?\n", text)
    table = text.partition("## Units")[2].partition("\n## ")[0]

    catalog = over(example + "providers: {acme: {base_url: https://api.acme.example/v1}}\n")

    assert catalog.model("acme", "acme-voice").services[0].name == "flex"
    assert {*TOKENS, *TOOL_UNITS, "request", "picture"} <= set(re.findall(r"`(\w+)`", table))
    assert set(SERVICES) <= set(re.findall(r"`(\w+)`", table))
