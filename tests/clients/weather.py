"""A tool and the structure of an answer, as the agents of these tests use them."""

from __future__ import annotations

from pydantic import BaseModel


class Place(BaseModel):
    """A place on a map."""

    city: str
    days: int


def weather(city: str) -> str:
    """Return the weather of a city."""
    return f"sunny in {city}"
