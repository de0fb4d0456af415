"""Embeddings, images and moderations: the gateway's media APIs and the providers' formats for them.

A media API is one endpoint for clients: `embeddings`, `images` or `moderations`. A media format is the API of
one family of providers. A `MediaOffer` of a provider's row or dialect selects the format and the path. All of
it is pure: `render` writes the provider requests, `parse` reads the responses. One client request may need
several provider requests (batches, one image per request), and a provider may return a result that is not
ready and has to be polled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from importlib import import_module
from typing import Literal, Protocol

from vaultcore.casts import cast
from vaultcore.catalog.schema import MediaOffer, Model, Target
from vaultcore.dialects import Change
from vaultcore.lazy_dataclass import dataclass
from vaultcore.wire import ChatRequest, Json, Usage

Kind = Literal["embeddings", "images", "image_edits", "moderations"]


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """One provider request."""

    path: str  # below the offer's base URL
    body: Json
    count: int  # embeddings, images or moderation results that it asks for
    is_form: bool = False  # sent as multipart/form-data instead of JSON


@dataclass(frozen=True, slots=True)
class RenderedMedia:
    """All provider requests of one attempt, and the changes that the translation made."""

    requests: tuple[MediaRequest, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class MediaResponse:
    """A provider's response to one request. Header names are in lower case."""

    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MediaResult:
    """The result of one provider request: vectors, images or moderation results, in order."""

    items: tuple[object, ...]
    usage: Json | None = None  # in the fields of the media API
    extra: Json = field(default_factory=dict)  # other fields of the body for the client


@dataclass(frozen=True, slots=True)
class PendingMedia:
    """A result that is not ready: poll this URL, or the previous one if it is empty."""

    url: str


@dataclass(frozen=True, slots=True)
class RenderedMediaResponse:
    """The client's response, its usage in the fields of chat completions, and changes to the response."""

    body: Json
    usage: Usage | None
    changes: tuple[Change, ...] = ()


class MediaFormat(Protocol):
    """The interface of a module below `media.embeddings`, `media.images` or `media.moderations`."""

    def render(self, request: Json, target: Target, offer: MediaOffer) -> RenderedMedia:
        """Return the provider requests.

        Raises InvalidRequest for a parameter the provider does not support.
        """
        ...

    def parse(self, response: MediaResponse) -> MediaResult | PendingMedia:
        """Return the result.

        Raises ValueError for an invalid body and StreamFault for an error in a 200 response.
        """
        ...


class MediaApi(Protocol):
    """The interface of `media.embeddings`, `media.images` and `media.moderations`."""

    @property
    def kind(self) -> Kind: ...

    @property
    def native(self) -> str:
        """The dialect whose bodies pass to clients untranslated: always ""."""
        ...

    @property
    def headers(self) -> tuple[str, ...]:
        """The request headers that are forwarded to a provider: none."""
        ...

    @property
    def unsupported_types(self) -> frozenset[str]:
        """The types of models that do not support this API."""
        ...

    def parse_request(self, body: object) -> ChatRequest:
        """Return the validated body; it shares only `model` with a chat request. Raises InvalidRequest."""
        ...

    def is_complete(self, result: MediaResult, request: MediaRequest) -> bool:
        """Return True if the result contains everything that its request asked for."""
        ...

    def render_response(
        self, request: Json, results: Sequence[MediaResult], title: str, created: int
    ) -> RenderedMediaResponse:
        """Return one response for all results.

        `title` is the provider's, `created` is in seconds since 1970.
        """
        ...

    def has_price(self, model: Model) -> bool:
        """Return True if the model's price per token applies to this API."""
        ...


def load_format(kind: Kind, name: str) -> MediaFormat:
    """Return a format's module, imported on first use. The catalog's schema allows only existing names."""
    return cast(MediaFormat, import_module(f"vaultcore.media.{kind}.{name}"))
