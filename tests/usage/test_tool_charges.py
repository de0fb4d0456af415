"""Charges for tools that providers run themselves."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.usage.priced_models import models
from vaultcore.catalog.load import load_builtin
from vaultcore.catalog.schema import TOOL_UNITS, Model, Price
from vaultcore.money import MILLION, from_usd
from vaultcore.usage.cost import cost, price_detail
from vaultcore.usage.tool_charges import MAX_TOOL_USES, TOKEN_UNITS, TOOLS, max_tool_cost, max_tool_uses
from vaultcore.wire import Usage

CATALOG = load_builtin()
NO_TOKENS: Usage = {"prompt_tokens": 0, "completion_tokens": 0}
PLAIN = Model("m", price=Price(0, 0))
CENT = from_usd("0.01") * MILLION
FUNCTION = {"type": "function", "function": {"name": "web_search", "parameters": {}}}

# Provider, model, uses, US dollars. The sources are in tools/tool_prices.csv.
PRICED: list[tuple[str, str, dict[str, int], str]] = [
    ("anthropic", "claude-opus-5", {"web_search": 3, "web_fetch": 2}, "0.03"),
    ("anthropic", "claude-opus-5", {"code_execution": 12}, "0.05"),
    ("anthropic", "claude-haiku-4-5", {"advisor_output:claude-opus-5-5": 1_000_000}, "20"),
    ("anthropic", "claude-haiku-4-5", {"advisor_input:claude-opus-5-5": 1_000_000}, "4"),
    ("openai", "gpt-5.4", {"web_search": 2, "file_search": 4}, "0.03"),
    ("openai", "gpt-5.4", {"code_execution": 1, "code_call": 9}, "0.03"),
    ("openai", "gpt-5.4", {"code_execution:16g": 2}, "0.96"),
    ("openai", "gpt-5.4", {"image_generation": 2}, "0.5"),
    ("openai", "gpt-5.4", {"image_tool_output:gpt-image-2": 1_000_000}, "30"),
    ("openai", "gpt-5.4", {"image_tool_output:gpt-image-1-mini": 1_000_000}, "8"),
    ("openai", "gpt-5.4", {"image_tool_output:gpt-image-99": 1_000_000}, "40"),
    ("openai", "gpt-5.4", {"image_tool_image_input:gpt-image-1.5": 1_000_000}, "8"),
    ("openai", "gpt-4o-search-preview", {"web_search": 1}, "0.025"),
    ("openai", "gpt-5-search-api", {"web_search": 1}, "0.01"),
    ("azure", "gpt-5.4", {"web_search": 1, "file_search": 4}, "0.024"),
    ("gemini", "gemini-2.5-flash", {"web_search": 5, "grounded_prompt": 1}, "0.035"),
    ("gemini", "gemini-2.5-flash", {"maps_grounding": 1}, "0.025"),
    ("gemini", "gemini-3.1-pro-preview", {"web_search": 5, "grounded_prompt": 1}, "0.07"),
    ("gemini-compat", "gemini-2.5-flash", {"web_search": 5, "grounded_prompt": 1}, "0.035"),
    ("xai", "grok-4.7", {"web_search": 1, "x_search": 1, "code_call": 1, "code_execution": 1}, "0.015"),
    ("xai", "grok-4.7", {"file_search": 2, "attachment_search": 1, "search_source": 1}, "0.04"),
    ("perplexity", "sonar-deep-research", {"web_search": 20}, "0.1"),
    ("meta", "muse-spark-1.3", {"web_search": 4}, "0.01"),
    ("openrouter", "openai/gpt-6-sol", {"web_search": 1}, "0.01"),
    ("openrouter", "deepseek/deepseek-chat", {"web_search": 1}, "0.02"),
    ("zai", "glm-4.6", {"web_search": 1}, "0.01"),
]


@pytest.mark.parametrize(("provider", "name", "uses", "usd"), PRICED)
def test_uses_have_their_published_price(provider: str, name: str, uses: dict[str, int], usd: str) -> None:
    """Uses of tools cost what the provider's price list says, beside tokens."""
    model = CATALOG.model(provider, name)

    charged = cost({**NO_TOKENS, "tool_uses": uses}, model)

    assert charged is not None
    assert 0 <= charged - from_usd(usd) <= 1  # rounded up


def test_a_record_names_the_uses() -> None:
    """The price detail has the uses and their price, so that the ledger can compute the cost again."""
    usage: Usage = {
        "prompt_tokens": 1_000,
        "completion_tokens": 0,
        "tool_uses": {"web_search": 2, "image_tool_output:new": 7, "unknown": 4, "file_search": 0},
    }

    detail = price_detail(usage, CATALOG.model("openai", "gpt-5.4"))

    assert detail == {
        "input": [1_000, from_usd("2.5")],
        "web_search": [2, CENT],
        "image_tool_output": [7, from_usd(40)],
    }


@pytest.mark.parametrize(
    ("name", "region", "percent"),
    [
        ("claude-opus-4-6", "us", 110),
        ("claude-fable-5-2", "us", 110),
        ("claude-haiku-5-5", "us", 110),
        ("claude-opus-4-5", "us", 100),
        ("claude-sonnet-4-0", "us", 100),
        ("claude-opus-4-6", "global", 100),
        ("claude-opus-4-6", None, 100),
    ],
)
def test_a_region_raises_the_price_of_tokens(name: str, region: Any, percent: int) -> None:
    """Inference in the US costs 1.1 times the token prices of newer models; searches cost the same."""
    model = CATALOG.model("anthropic", name)
    usage: Usage = {
        "prompt_tokens": 30_000,
        "completion_tokens": 4_000,
        "prompt_tokens_details": {
            "cached_tokens": 10_000,
            "cache_write_tokens": 10_000,
            "cache_write_1h_tokens": 5,
        },
    }
    searches: Usage = {**usage, "tool_uses": {"web_search": 1}, "inference_geo": region}

    usual, charged = cost(usage, model), cost(searches, model)

    assert usual is not None
    assert charged == -(-usual * percent // 100) + from_usd("0.01")


def test_a_region_and_a_service_tier_add_up() -> None:
    """Fast mode in the US costs 1.1 times the prices of fast mode."""
    model, fast = CATALOG.model("anthropic", "claude-opus-5"), {"service_tier": "fast"}
    usage: Any = {"prompt_tokens": 1_000_000, "completion_tokens": 100_000, **fast}

    assert cost(usage, model) == from_usd(15)
    assert cost({**usage, "inference_geo": "us"}, model) == from_usd("16.5")


# A request, and the most uses of each unit.
REQUESTS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "no tools": ({"messages": []}, {}),
    "functions": ({"tools": [FUNCTION, {"name": "web_search", "input_schema": {}}]}, {}),
    "Anthropic": (
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]},
        {"web_search": 3},
    ),
    "Anthropic, later": ({"tools": [{"type": "web_search_20260209"}]}, {"web_search": MAX_TOOL_USES}),
    "Anthropic, many": ({"tools": [{"type": "web_search_20260209", "max_uses": 200}]}, {"web_search": 200}),
    "both limits": (
        {"tools": [{"type": "web_search", "max_uses": 9}], "max_tool_calls": 4},
        {"web_search": 4},
    ),
    "Responses": (
        {"tools": [{"type": "web_search"}, {"type": "file_search"}], "max_tool_calls": 4},
        {"web_search": 4, "file_search": 4},
    ),
    "code": (
        {"tools": [{"type": "code_interpreter"}], "max_tool_calls": 2},
        {"code_execution": 1, "code_call": 2},
    ),
    "images": ({"tools": [{"type": "image_generation"}], "max_tool_calls": 2}, {"image_generation": 2}),
    "chat": ({"web_search_options": {}}, {"web_search": MAX_TOOL_USES, "grounded_prompt": 1}),
    "Gemini": ({"tools": [{"googleSearch": {}}]}, {"web_search": MAX_TOOL_USES, "grounded_prompt": 1}),
    "Gemini, no list": ({"tools": {"googleSearch": {}}}, {"web_search": MAX_TOOL_USES, "grounded_prompt": 1}),
    "Gemini, in chat": ({"tools": [{"type": "google_maps"}]}, {"maps_grounding": 1}),
    "Bedrock": (
        {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
        {"web_search": MAX_TOOL_USES},
    ),
    "xAI": ({"tools": [{"type": "x_search"}]}, {"x_search": MAX_TOOL_USES}),
    "Moonshot": (
        {"tools": [{"type": "builtin_function", "function": {"name": "$web_search"}}]},
        {"web_search": MAX_TOOL_USES},
    ),
    "OpenRouter": ({"plugins": [{"id": "web"}, {"id": "file-parser"}]}, {"web_search": MAX_TOOL_USES}),
    "Groq": (
        {"compound_custom": {"tools": {"enabled_tools": ["visit_website"]}}},
        {"visit_website": MAX_TOOL_USES},
    ),
    "DashScope": ({"enable_search": True}, {"web_search": MAX_TOOL_USES}),
    "off": ({"enable_search": False, "web_search_options": None}, {}),
    "not usable": ({"tools": "web_search", "plugins": [1], "toolConfig": [], "max_tool_calls": -1}, {}),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_most_uses_of_a_request(name: str) -> None:
    """The tools that a request turns on are found in every dialect, with the limit that it sets."""
    request, uses = REQUESTS[name]

    assert max_tool_uses(request, PLAIN) == uses


def test_models_that_search_by_themselves() -> None:
    """A model that always searches has the price of searches in every reservation."""
    model = CATALOG.model("perplexity", "sonar-deep-research")

    assert max_tool_uses({}, model) == {"web_search": MAX_TOOL_USES}
    assert max_tool_cost({}, model) == MAX_TOOL_USES * from_usd("0.005")
    assert max_tool_cost({}, CATALOG.model("perplexity", "sonar")) == 0


def test_a_container_costs_by_its_size() -> None:
    """The reservation for code uses the container's memory."""
    container = {"type": "auto", "memory_limit": "64g"}
    request = {"tools": [{"type": "code_interpreter", "container": container}]}

    assert max_tool_cost(request, CATALOG.model("openai", "gpt-5.4")) == from_usd("1.92")


def test_an_advisor_reads_the_context() -> None:
    """Each use of an advisor costs at most its longest prompt and answer."""
    model = CATALOG.model("anthropic", "claude-haiku-4-5")
    request = {"tools": [{"type": "advisor_20260301", "model": "claude-opus-5-5", "max_uses": 1}]}

    assert max_tool_cost(request, model) == from_usd("0.015") * 200 + from_usd("0.075") * 64


@given(models(), st.data())
def test_no_uses_cost_more_than_the_most(model: Model, data: st.DataObject) -> None:
    """Up to the most uses of a request, tools cost at most what is reserved for them."""
    kinds = ["web_search", "x_search", "file_search", "googleSearch", "code_interpreter", "image_generation"]
    tools = data.draw(st.lists(st.sampled_from(kinds), unique=True))
    request = {"tools": [{"type": kind, "max_uses": data.draw(st.integers(0, 5))} for kind in tools]}
    most = max_tool_uses(request, model)
    uses = {unit: data.draw(st.integers(0, count)) for unit, count in most.items()}
    free = Model("m", price=Price(0, 0), tool_prices=model.tool_prices)

    charged = cost({**NO_TOKENS, "tool_uses": uses}, free)

    assert charged is not None
    assert charged <= max_tool_cost(request, model)


def test_every_unit_is_known() -> None:
    """Each unit of a request's tools and of the price table is one that operators can price, or of tokens."""
    with (Path(__file__).parents[2] / "tools/tool_prices.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    units = {line["unit"].partition(":")[0] for line in lines}
    units |= {unit for tools in TOOLS.values() for unit in tools if unit != "advisor"}
    compiled = {unit for prices in CATALOG.models.tools.values() for unit in prices}

    assert units <= set(TOOL_UNITS)
    assert all(unit.partition(":")[0] in TOOL_UNITS or unit.startswith(TOKEN_UNITS) for unit in compiled)
    assert all(line["source"].startswith("https://") for line in lines)
    assert {line["provider"] for line in lines} <= set(CATALOG.providers)
