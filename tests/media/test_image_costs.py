"""Costs of images: per image or per token, by the model's price."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import ALL, load, target_of
from tests.media.test_media_golden import parse
from vaultcore.catalog.load import load_builtin, load_bytes
from vaultcore.media import MediaResponse, MediaResult, images
from vaultcore.media.images import gemini
from vaultcore.usage.cost import cost

CATALOG = load_builtin()
CASES = {case.name: case for case in ALL if case.parent.name == "images"}
COSTS = {  # in nano-dollars
    "z6_gpt_image": 9 * 5_000 + 272 * 40_000,
    "z6_gemini": 3 * 300 + 1_290 * 30_000,
    "z6_dalle_one_by_one": 2 * 80_000_000,
    "z6_imagen": None,
    "z6_bfl_ready": None,
}


def model(case: Path) -> Any:
    return target_of(case).model


@pytest.mark.parametrize("name", COSTS)
def test_images_cost_their_models_price(name: str) -> None:
    """Image tokens have their own price. Without a price, the cost is None and not zero."""
    case = CASES[name]

    assert cost(parse(case)["usage"], model(case)) == COSTS[name]
    assert images.has_price(model(case)) or COSTS[name] is None


def test_an_operators_price_per_image_is_charged() -> None:
    """A price per image is charged for each image, even if the provider reports no tokens."""
    case = CASES["z6_imagen"]
    name = load(case, "case")["model"]
    catalog = load_bytes(f"prices: {{gemini/{name}: {{picture: 0.04}}}}".encode(), "own.yaml")
    usage = parse(case)["usage"]

    assert cost(usage, catalog.model("gemini", name)) == usage["pictures"]["count"] * 40_000_000
    assert images.has_price(catalog.model("gemini", name))


def test_reasoning_before_an_image_costs_as_text() -> None:
    """Gemini's reasoning tokens cost as text tokens, its other output tokens as image tokens."""
    body = {
        "candidates": [{"content": {"parts": [{"inlineData": {"data": "AA=="}}]}}],
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 1_000, "thoughtsTokenCount": 200},
    }
    result = gemini.parse(MediaResponse(body))
    assert isinstance(result, MediaResult)
    usage = images.render_response({}, [result], "Google", 0).usage

    assert usage is not None
    assert cost(usage, CATALOG.model("gemini", "gemini-2.5-flash-image")) == 1_000 * 30_000 + 200 * 2_500


def test_a_hybrid_model_without_an_image_price_has_no_price_for_images() -> None:
    """The price of a hybrid model's text tokens alone is no price for images."""
    text_only = load_bytes(b"prices: {gemini/gemini-2.5-flash-image: {input: 1, output: 2}}", "own.yaml")

    assert images.has_price(CATALOG.model("gemini", "gemini-2.5-flash-image"))
    assert not images.has_price(text_only.model("gemini", "gemini-2.5-flash-image"))
