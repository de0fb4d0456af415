"""Embeddings and images: what a model makes that is no chat.

An artifact is what a client asks for at one endpoint: `embeddings`, `images`. A format is how one family of
providers makes it; which format a provider has, and where, is in its row as an `Offer`. All of it is pure:
`render` goes out, `parse` comes back. One request may take several posts (batches, pictures made one by one),
and an answer may have to be asked for again later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, Protocol, cast

from vaultcore.catalog.schema import Model, Offer, Target
from vaultcore.dialects import Change
from vaultcore.wire import ChatRequest, Json, Usage

Kind = Literal["embeddings", "images"]


@dataclass(frozen=True, slots=True)
class Post:
    """One request: the path below the offer's base URL, the body, and how many things it asks for."""

    path: str
    body: Json
    count: int


@dataclass(frozen=True, slots=True)
class Order:
    """Everything one attempt asks of a provider, and what the translation took."""

    posts: tuple[Post, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: its body, and its headers in lower case."""

    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """What one post brought: vectors or pictures in order, its usage in the artifact's own words."""

    items: tuple[object, ...]
    usage: Json | None = None
    more: Json = field(default_factory=dict)  # whatever else the client should see of it


@dataclass(frozen=True, slots=True)
class Later:
    """The answer is not there yet: it is to be asked for at this URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Made:
    """The answer for the client, its usage in chat's words, and what could not be carried over in it."""

    body: Json
    usage: Usage | None
    changes: tuple[Change, ...] = ()


class Format(Protocol):
    """What a module of `artifacts.embeddings` or `artifacts.images` offers."""

    def render(self, request: Json, target: Target, offer: Offer) -> Order:
        """The posts to send. Raises InvalidRequest naming what the provider cannot do."""
        ...

    def parse(self, told: Told) -> Part | Later:
        """Raises ValueError on what is no answer, StreamFault on an error inside a 200."""
        ...


class MediaApi(Protocol):
    """What a client asks for at one endpoint."""

    @property
    def kind(self) -> Kind: ...

    @property
    def native(self) -> str:
        """The dialect whose bodies pass untranslated: none."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """Request headers that go on to a provider: none."""
        ...

    @property
    def unfit(self) -> frozenset[str]:
        """Types of models that cannot make it."""
        ...

    def parse_request(self, body: object) -> ChatRequest:
        """The parsed body, checked; with a chat request it shares `model`. Raises InvalidRequest."""
        ...

    def complete(self, part: Part, post: Post) -> bool:
        """Whether a part holds what its post asked for."""
        ...

    def render_answer(self, request: Json, parts: Sequence[Part], title: str, created: int) -> Made:
        """One answer of all parts; `title` is the provider's, `created` in seconds since 1970."""
        ...

    def priced(self, model: Model) -> bool:
        """Whether the model's price per token is the price of this."""
        ...


def form(kind: Kind, name: str) -> Format:
    """The module of a format, imported when first spoken. Catalogs name none but these."""
    return cast(Format, import_module(f"vaultcore.media.{kind}.{name}"))
