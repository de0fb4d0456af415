"""Compiles the prices of the tools that providers run themselves, and of the regions that cost more.

tool_prices.csv has the published prices by provider, each with its source: `usd` for `per` uses of the
models that match `models`; the first match counts. genai-prices, where it has a price, takes precedence.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

from genai_prices import types as theirs

from tools.model_prices import MILLION, NANOS, TOOLS, Row, standard_price

TABLE = Path(__file__).with_name("tool_prices.csv")
# Models whose searches are charged once per grounded prompt; others are charged per search.
PER_PROMPT = re.compile(r"gemini-[12]\..*")
# Models that search without being asked to: the units of their own tools.
OWN_TOOLS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("openai", r".*-search-(preview|api).*"): ("web_search",),
    ("perplexity", r"sonar-deep-research"): ("web_search",),
}
# Percent of the token prices by `inference_geo`; models before Claude Opus 4.6 have no surcharge.
# https://platform.claude.com/docs/en/about-claude/pricing#data-residency-pricing
REGIONS: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("anthropic", r"claude-(?!v?\d|instant|opus-4-[0-5]$|sonnet-4-[0-5]$|haiku-4-5).*"): {"us": 110},
}
# Unit of the tokens of images -> fields of genai-prices, of which the first that exists counts.
IMAGE_TOOL: Mapping[str, tuple[str, ...]] = {
    "image_tool_input": ("input_mtok",),
    "image_tool_cache_read": ("cache_read_mtok", "input_mtok"),
    "image_tool_image_input": ("input_image_mtok", "input_mtok"),
    "image_tool_image_cache_read": ("cache_image_read_mtok", "input_image_mtok", "input_mtok"),
    "image_tool_output": ("output_image_mtok", "output_mtok"),
}
ADVISOR: Mapping[str, tuple[str, ...]] = {  # the same for the tokens of a model that another one consults
    "advisor_input": ("input_mtok",),
    "advisor_cache_read": ("cache_read_mtok", "input_mtok"),
    "advisor_cache_write": ("cache_write_mtok", "input_mtok"),
    "advisor_cache_write_1h": ("cache_write_1h_mtok", "cache_write_mtok", "input_mtok"),
    "advisor_output": ("output_mtok",),
}
MODEL_TOOLS = {  # provider -> models that its tools run, and the units of their tokens
    "openai": (re.compile(r"(gpt|chatgpt)-image-.*"), IMAGE_TOOL),
    "anthropic": (re.compile(r"claude-(opus|sonnet|fable|mythos)-.*"), ADVISOR),
}


def priced_providers() -> list[str]:
    """Return the providers whose tools have prices, in alphabetical order."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return sorted({line["provider"] for line in csv.DictReader(file)})


def provider_tools(provider: str, listing: theirs.Provider | None) -> Row:
    """Return the prices of a provider's tools, in nano-dollars per million uses or tokens."""
    prices = {unit: nanos for models, unit, nanos in _published(provider) if not models}
    if listing is not None and provider in MODEL_TOOLS:
        pattern, units = MODEL_TOOLS[provider]
        prices |= _token_prices([each for each in listing.models if pattern.fullmatch(each.id)], units)
    return prices


def tool_columns(provider: str, name: str, model: theirs.ModelInfo, general: Mapping[str, int]) -> Row:
    """Return the columns of a row: tools whose price differs from the provider's, own tools and regions."""
    prices: Row = {}
    for models, unit, nanos in _published(provider):
        if models and re.fullmatch(models, name):
            prices.setdefault(unit, nanos)
    if "grounded_prompt" in prices:
        prices["web_search"] = 0
    listed = standard_price(model)
    for unit, field in TOOLS.items():
        amount = getattr(listed, field)
        if isinstance(amount, Decimal) and unit not in prices:
            prices[unit] = _nanos(amount, 1_000)
        elif isinstance(amount, Decimal) and PER_PROMPT.fullmatch(name):
            prices["grounded_prompt"] = _nanos(amount, 1_000)
    row: Row = {unit: nanos for unit, nanos in prices.items() if general.get(unit) != nanos}
    tools = {"tools": row} if row else {}
    return {
        **tools,
        **_first("own_tools", OWN_TOOLS, provider, name),
        **_first("regions", REGIONS, provider, name),
    }


def _first(column: str, table: Mapping[tuple[str, str], object], provider: str, name: str) -> Row:
    for (owner, pattern), value in table.items():
        if owner == provider and re.fullmatch(pattern, name):
            return {column: list(value) if isinstance(value, tuple) else value}
    return {}


def _published(provider: str) -> Iterator[tuple[str, str, int]]:
    """Yield models, unit and price of each line of a provider."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["provider"] == provider:
                yield line["models"], line["unit"], _nanos(Decimal(line["usd"]), int(line["per"]))


def _token_prices(models: list[theirs.ModelInfo], units: Mapping[str, tuple[str, ...]]) -> Row:
    """Return the prices of each unit: for each model, `image_tool_output:gpt-image-2`, and the highest."""
    prices: Row = {}
    for unit, fields in units.items():
        for model in models:
            listed = standard_price(model)
            amounts = [amount for field in fields if (amount := getattr(listed, field)) is not None]
            base = [each.base if isinstance(each, theirs.TieredPrices) else each for each in amounts[:1]]
            prices |= {f"{unit}:{model.id}": _nanos(amount, MILLION) for amount in base}
        highest = max(nanos for name, nanos in prices.items() if name.startswith(f"{unit}:"))
        prices[unit] = highest
    return prices


def _nanos(usd: Decimal, per: int) -> int:
    """Return nano-dollars per million from US dollars for `per` uses."""
    return int((usd * NANOS * MILLION / per).to_integral_value(ROUND_CEILING))
