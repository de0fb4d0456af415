"""A cost that the provider reports decides whether its reasoning is charged beside the completion."""

from __future__ import annotations

import pytest

from vaultcore.catalog.schema import Model, Price
from vaultcore.usage.reported_cost import with_charged_reasoning
from vaultcore.wire import Usage

DOLLAR = 1_000_000_000
MODEL = Model("m", price=Price(input=2 * DOLLAR, output=12 * DOLLAR))


@pytest.mark.parametrize(
    ("completion", "reasoning", "cost", "expected"),
    [
        (18, 137, 0.001982, 155),  # 61 x 2 + (18 + 137) x 12, in millionths of a dollar
        (324, 256, 0.00708, 580),  # also if the reasoning is less than the completion
        (18, 137, 0.000338, 18),
        (18, 137, None, 18),
        (18, 137, 0.01, 18),  # neither reading: the provider has another price
        (18, 137, float("nan"), 18),
        (18, 137, float("inf"), 18),
        (18, 137, -1, 18),
        (18, 137, 0, 18),
        (18, 137, True, 18),
        (18, 137, {"total_cost": 0.001982}, 18),
        (18, 0, 0.000338, 18),
    ],
)
def test_the_reading_whose_cost_is_the_reported_one_is_charged(
    completion: int, reasoning: int, cost: object, expected: int
) -> None:
    """Reasoning is added if only then the counts cost what the provider says; otherwise the counts stay."""
    details = {"reasoning_tokens": reasoning}
    counts = {"prompt_tokens": 61, "completion_tokens": completion, "total_tokens": 61 + completion}
    usage: Usage = {**counts, "completion_tokens_details": details, "cost": cost}  # type: ignore[typeddict-item,typeddict-unknown-key]  # as reported

    charged = with_charged_reasoning(usage, MODEL, 0)

    assert (charged["completion_tokens"], charged["total_tokens"]) == (expected, 61 + expected)
    assert charged["completion_tokens_details"] == details


def test_without_a_price_the_counts_stay() -> None:
    """The gateway cannot compare costs of a model whose price it does not know."""
    usage: Usage = {
        "prompt_tokens": 1,
        "completion_tokens": 2,
        "completion_tokens_details": {"reasoning_tokens": 3},
    }

    assert with_charged_reasoning({**usage, "cost": 1.0}, Model("m"), 0)["completion_tokens"] == 2  # type: ignore[typeddict-unknown-key]  # as reported
