"""Selects the offer of a provider's row that serves a model, and its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from vaultcore.catalog.schema import MediaOffer, Provider, Target
from vaultcore.dialects import load_dialect
from vaultcore.errors import InvalidRequest
from vaultcore.media import Kind, MediaApi

NOUNS: Mapping[Kind, str] = {
    "embeddings": "embeddings",
    "images": "images",
    "image_edits": "edited images",
    "moderations": "moderations",
}


def find_offer(target: Target, api: MediaApi) -> MediaOffer:
    """Return the first offer for the target's model. Raises InvalidRequest if there is none."""
    kind, model = api.kind, target.model
    if model.type in api.unsupported_types or (model.type == "text" and model.capabilities.tools):
        raise InvalidRequest(
            f"{model.name} is {_with_article(model.type)} model: it does not create {NOUNS[kind]}",
            param="model",
        )
    for offer in _provider_offers(target.provider, kind):
        if not offer.when or any(fragment in model.name for fragment in offer.when):
            return offer
    problem = f"{target.provider.title} does not create {NOUNS[kind]} with {model.name}"
    raise InvalidRequest(problem, param="model")


def request_path(target: Target, offer: MediaOffer) -> str:
    """Return the offer's path with the model's name: `{model}` escaped, `{+model}` with its slashes.

    Raises InvalidRequest if the name has an empty or a dot segment.
    """
    name = target.model.name
    if any(segment in {"", ".", ".."} for segment in name.split("/")):
        raise InvalidRequest("the model's name cannot be part of a URL path", param="model")
    path = offer.path.replace("{+model}", quote(name, safe="/@"))
    return path.replace("{model}", quote(name, safe="@"))


def model_field(target: Target, offer: MediaOffer) -> dict[str, str]:
    """Return `{"model": …}`, or {} if the path contains the model."""
    return {} if "model}" in offer.path else {"model": target.model.name}


def base_url(provider: Provider, offer: MediaOffer) -> str:
    """Return the provider's base URL without the ending that the offer removes."""
    for ending in offer.strip:
        if provider.base_url.endswith(ending):
            return provider.base_url.removesuffix(ending)
    return provider.base_url


def _provider_offers(provider: Provider, kind: Kind) -> tuple[MediaOffer, ...]:
    if kind == "image_edits":
        return _edit_offers(provider)
    columns = {"embeddings": provider.embeddings, "images": provider.images}  # no column for moderations
    offers = columns.get(kind)
    if offers is not None:
        return offers
    # The default of the dialect. Such a provider may still reject the request.
    default = load_dialect(provider.dialect).media_offers.get(kind)
    return (default,) if default else ()


def _edit_offers(provider: Provider) -> tuple[MediaOffer, ...]:
    """Return the offers for images that can edit them, at their paths for edits."""
    return tuple(
        replace(offer, path=offer.edits) for offer in _provider_offers(provider, "images") if offer.edits
    )


def _with_article(type: str) -> str:
    return f"an {type}" if type[0] in "aeiou" else f"a {type}"
