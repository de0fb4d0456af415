"""Instructor, over the `openai` package."""

from __future__ import annotations

import json
from typing import Any

import instructor
import openai
import pytest
from pydantic import BaseModel

from tests.clients.conftest import PICTURE, House

MODES = [instructor.Mode.TOOLS, instructor.Mode.JSON, instructor.Mode.JSON_SCHEMA, instructor.Mode.MD_JSON]


class Leg(BaseModel):
    city: str
    days: int


class Journey(BaseModel):
    """A journey, and where it goes."""

    name: str
    legs: list[Leg]


WHOLE = Journey(name="a name", legs=[Leg(city="a city", days=3)])


@pytest.fixture(params=MODES, ids=lambda mode: mode.value)
def structured(request: pytest.FixtureRequest, house: House) -> Any:
    client = openai.OpenAI(base_url=house.url, api_key=house.key, max_retries=0)
    return instructor.from_openai(client, mode=request.param)


def test_an_object_is_read_off_a_picture(structured: Any, model: str, house: House) -> None:
    """Nested objects come back whole at the first attempt, and the picture reaches the provider."""
    picture = instructor.Image.from_base64(f"data:image/png;base64,{PICTURE}")
    messages = [{"role": "user", "content": ["where does this lead?", picture]}]

    told = structured.chat.completions.create(
        model=model, messages=messages, response_model=Journey, max_retries=0
    )

    assert told.model_dump() == WHOLE.model_dump()
    assert [PICTURE in json.dumps(each["body"]) for each in house.asked()] == [True]


def test_a_partial_object_is_streamed(structured: Any, model: str) -> None:
    """create_partial sees the object grow until it is whole."""
    messages = [{"role": "user", "content": "where does it lead?"}]

    seen = list(
        structured.chat.completions.create_partial(
            model=model, messages=messages, response_model=Journey, max_retries=0
        )
    )

    assert len(seen) > 1
    assert seen[-1].model_dump() == WHOLE.model_dump()
