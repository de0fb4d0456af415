"""What pictures cost: by the piece or by tokens, as their model is sold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.media.media_cases import ALL, load, target_of
from tests.media.test_media_golden import made
from vaultcore.catalog.load import builtin, overlaid
from vaultcore.media import Part, Told, images
from vaultcore.media.images.gemini import parse
from vaultcore.usage.cost import cost

CATALOG = builtin()
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
def test_pictures_cost_what_their_model_is_sold_for(name: str) -> None:
    """Tokens of pictures have a price apart from words; without a price nothing is told, not even zero."""
    case = CASES[name]

    assert cost(made(case)["usage"], model(case)) == COSTS[name]
    assert images.priced(model(case)) or COSTS[name] is None


def test_an_operators_price_of_a_picture_is_charged() -> None:
    """As many times as there are pictures, whoever counts no tokens."""
    case = CASES["z6_imagen"]
    name = load(case, "case")["model"]
    catalog = overlaid(f"prices: {{gemini/{name}: {{picture: 0.04}}}}".encode(), "own.yaml")
    usage = made(case)["usage"]

    assert cost(usage, catalog.model("gemini", name)) == usage["pictures"]["count"] * 40_000_000
    assert images.priced(catalog.model("gemini", name))


def test_thoughts_before_a_picture_are_words() -> None:
    """Gemini's thoughts cost what its words cost, the picture what pictures do."""
    body = {
        "candidates": [{"content": {"parts": [{"inlineData": {"data": "AA=="}}]}}],
        "usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 1_000, "thoughtsTokenCount": 200},
    }
    part = parse(Told(body))
    assert isinstance(part, Part)
    usage = images.render_answer({}, [part], "Google", 0).usage

    assert usage is not None
    assert cost(usage, CATALOG.model("gemini", "gemini-2.5-flash-image")) == 1_000 * 30_000 + 200 * 2_500


def test_a_model_that_also_writes_is_priced_for_pictures_only_where_they_have_a_price() -> None:
    """The price of its words alone says nothing of what it draws."""
    words = overlaid(b"prices: {gemini/gemini-2.5-flash-image: {input: 1, output: 2}}", "own.yaml")

    assert images.priced(CATALOG.model("gemini", "gemini-2.5-flash-image"))
    assert not images.priced(words.model("gemini", "gemini-2.5-flash-image"))
