"""DSPy's `LM`, over chat completions and Responses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.conftest import GatewayProcess

dspy = pytest.importorskip("dspy")


@pytest.fixture(params=["chat", "responses"])
def lm(request: pytest.FixtureRequest, gateway: GatewayProcess, model: str) -> Any:
    return dspy.LM(
        f"openai/{model}", api_base=gateway.url, api_key=gateway.key, model_type=request.param, cache=False
    )


def test_an_answer(lm: Any) -> None:
    """The model's text is returned."""
    [answer] = lm("hello")
    text = answer["text"] if isinstance(answer, dict) else answer

    assert "You asked" in text
