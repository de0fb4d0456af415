"""A request in a provider's format, rendered by its dialect or passed through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vaultcore.catalog.schema import Target
from vaultcore.dialects import NativeRequest, RenderedRequest, StatefulPassthrough, load_dialect
from vaultcore.dialects.legacy_functions import adapt_request, restore_paths
from vaultcore.wire import ChatCompletion, ChatRequest, Json


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A path below the provider's base URL, a body, and what the translation changed."""

    path: str
    rendered: RenderedRequest
    dialect: str  # of the body, and so of the response
    headers: Mapping[str, str] = field(default_factory=dict)
    is_native: bool = False  # the client's own body: the response is passed through too
    method: str = "POST"  # a GET has no body


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A whole response: as a chat completion, and as the provider wrote it."""

    completion: ChatCompletion
    body: Json


def passthrough(target: Target, request: ChatRequest, native: NativeRequest) -> ProviderRequest:
    """Return the client's own body for a provider of the same dialect, with the provider's model name."""
    dialect = load_dialect(native.dialect)
    body = native.body
    if isinstance(dialect, StatefulPassthrough):
        body = dialect.rewrite_request(body, target)
    rendered = RenderedRequest({**body, "model": target.model.name})
    path = dialect.render_path(request, target)
    return ProviderRequest(path, rendered, native.dialect, native.headers, is_native=True)


def render(target: Target, request: ChatRequest) -> ProviderRequest:
    """Return the request in the target's dialect. Raises InvalidRequest."""
    dialect = load_dialect(target.dialect)
    adapted = adapt_request(request, target)
    rendered = restore_paths(dialect.render_request(adapted, target), request)
    return ProviderRequest(dialect.render_path(adapted, target), rendered, target.dialect)
