"""Random models with prices of every kind, and random usages of every kind."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from vaultcore.catalog.pricing import SERVICES
from vaultcore.catalog.schema import (
    TOKENS,
    TOOL_UNITS,
    HourlyPrice,
    Model,
    Price,
    PriceTier,
    ServiceTier,
)

RATES = st.integers(0, 10**12)
SIZES = st.sampled_from(["256x256", "1024x1024", "auto", "", None, 7])
KINDS = st.sampled_from(["", "hd", "256x256", "1024x1024", "1024x1024/hd"])


@st.composite
def prices(draw: st.DrawFn) -> Price:
    named = draw(st.dictionaries(st.sampled_from([*TOKENS[2:], "request"]), RATES, max_size=6))
    return Price(draw(RATES), draw(RATES), **named, pictures=draw(st.dictionaries(KINDS, RATES, max_size=2)))


TIERS = st.lists(st.builds(PriceTier, st.integers(0, 2_000), prices()), max_size=2).map(tuple)
SERVED = st.lists(st.builds(ServiceTier, st.sampled_from(SERVICES), prices(), TIERS), max_size=2).map(tuple)


MINUTES = st.integers(0, 1_439)
TIMED = st.lists(st.builds(HourlyPrice, MINUTES, MINUTES, prices(), TIERS), max_size=1).map(tuple)
WHEN = st.one_of(st.none(), st.floats(0, 2 * 86_400))


TOOL_RATES = st.dictionaries(
    st.sampled_from([*TOOL_UNITS, "code_execution:4g", "image_tool_output", "image_tool_output:gpt-image-2"]),
    st.integers(0, 10**15),
    max_size=5,
)
REGIONS = st.dictionaries(st.sampled_from(["us", "eu"]), st.integers(100, 200), max_size=2)


def models() -> st.SearchStrategy[Model]:
    """Draw a model with a price."""
    rest = {"tiers": TIERS, "services": SERVED, "hours": TIMED, "tool_prices": TOOL_RATES, "regions": REGIONS}
    return st.builds(Model, st.just("m"), price=prices(), **rest)


@st.composite
def usages(
    draw: st.DrawFn, prompt: int = 3_000, completion: int = 3_000, pictures: int = 5, tools: int = 0
) -> Any:
    """Draw usages of up to these sizes, with details that may contradict each other.

    `tools` is the most uses of each tool of the provider.
    """
    counts = st.integers(-2, 4_000)
    sent = ["cached_tokens", "cache_write_tokens", "cache_creation_tokens", "cache_write_1h_tokens"]
    kinds = ["audio_tokens", "image_tokens", "video_tokens"]
    usage: dict[str, Any] = {
        "prompt_tokens": draw(st.integers(0, prompt)),
        "completion_tokens": draw(st.integers(0, completion)),
        "prompt_tokens_details": draw(st.dictionaries(st.sampled_from([*sent, *kinds]), counts)),
        "completion_tokens_details": draw(
            st.dictionaries(st.sampled_from([*kinds, "reasoning_tokens"]), counts)
        ),
    }
    usage["prompt_tokens_details"]["cached_tokens_details"] = draw(
        st.dictionaries(st.sampled_from(kinds), counts)
    )
    if draw(st.booleans()):
        usage["service_tier"] = draw(st.sampled_from([*SERVICES, "default", 3]))
    if draw(st.booleans()):
        quality = draw(st.sampled_from(["hd", "low", None]))
        usage["pictures"] = {"count": draw(st.integers(0, pictures)), "size": draw(SIZES), "quality": quality}
    if draw(st.booleans()):
        usage["inference_geo"] = draw(st.sampled_from(["us", "eu", "global", None, 3]))
    if tools:
        units = st.sampled_from([*TOOL_UNITS, "code_execution:4g", "image_tool_output:gpt-image-2", "new"])
        usage["tool_uses"] = draw(st.dictionaries(units, st.integers(0, tools)))
    if draw(st.integers(0, 4)) == 0:
        billed = {"prompt_tokens": st.integers(0, prompt), "completion_tokens": st.integers(0, completion)}
        usage["billed"] = draw(st.fixed_dictionaries(billed))
    return usage
