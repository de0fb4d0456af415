"""Instructor, with the `openai` package."""

from __future__ import annotations

import json
from typing import Any

import instructor
import openai
import pytest
from pydantic import BaseModel

from tests.clients.conftest import IMAGE, GatewayProcess

MODES = [instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA, instructor.Mode.MD_JSON]


class Leg(BaseModel):
    city: str
    days: int


class Journey(BaseModel):
    """A journey and its legs."""

    name: str
    legs: list[Leg]


JOURNEY = Journey(name="a name", legs=[Leg(city="a city", days=3)])


@pytest.fixture(params=MODES, ids=lambda mode: mode.value)
def structured(request: pytest.FixtureRequest, gateway: GatewayProcess) -> Any:
    client = openai.OpenAI(base_url=gateway.url, api_key=gateway.key, max_retries=0)
    return instructor.from_openai(client, mode=request.param)


def test_an_object_from_an_image(structured: Any, model: str, gateway: GatewayProcess) -> None:
    """A nested object is returned at the first attempt, and the image reaches the provider."""
    image = instructor.Image.from_base64(f"data:image/png;base64,{IMAGE}")
    messages = [{"role": "user", "content": ["where does this lead?", image]}]

    journey = structured.chat.completions.create(
        model=model, messages=messages, response_model=Journey, max_retries=0
    )

    assert journey.model_dump() == JOURNEY.model_dump()
    assert [IMAGE in json.dumps(each["body"]) for each in gateway.take_requests()] == [True]


def test_a_partial_object_is_streamed(structured: Any, model: str) -> None:
    """create_partial yields a growing object, the complete one last."""
    messages = [{"role": "user", "content": "where does it lead?"}]

    results = list(
        structured.chat.completions.create_partial(
            model=model, messages=messages, response_model=Journey, max_retries=0
        )
    )

    assert len(results) > 1
    assert results[-1].model_dump() == JOURNEY.model_dump()
