"""Which offer of a provider's row serves a model, and the address it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from vaultcore.catalog.schema import Offer, Provider, Target
from vaultcore.errors import InvalidRequest
from vaultcore.media import Kind, MediaApi

# Rows that say nothing offer what their dialect's own API has: whether they serve it is theirs to say.
USUAL: Mapping[str, Mapping[Kind, Offer]] = {
    "openai": {
        "embeddings": Offer("openai", "/embeddings", tokens=True, batch=2_048),
        "images": Offer("openai", "/images/generations", batch=10),
    },
}


def offer(target: Target, artifact: MediaApi) -> Offer:
    """How the target makes it, or InvalidRequest where it does not."""
    kind, model = artifact.kind, target.model
    if model.type in artifact.unfit or (model.type == "text" and model.capabilities.tools):
        raise InvalidRequest(
            f"{model.name} is {_article(model.type)} model: it makes no {kind}", param="model"
        )
    for one in _offers(target.provider, kind):
        if not one.when or any(piece in model.name for piece in one.when):
            return one
    raise InvalidRequest(f"{target.provider.title} makes no {kind} with {model.name}", param="model")


def path(target: Target, chosen: Offer) -> str:
    """The offer's path with the model's name in it: `{model}` escaped, `{+model}` with its slashes."""
    name = target.model.name
    if any(piece in {"", ".", ".."} for piece in name.split("/")):
        raise InvalidRequest("the model's name cannot stand in an address", param="model")
    filled = chosen.path.replace("{+model}", quote(name, safe="/@"))
    return filled.replace("{model}", quote(name, safe="@"))


def in_path(chosen: Offer) -> bool:
    """Whether the model is named in the address; else it is named in the body."""
    return "model}" in chosen.path


def base_url(provider: Provider, chosen: Offer) -> str:
    """The provider's base URL without the ending that the offer's path does not go on from."""
    for ending in chosen.strip:
        if provider.base_url.endswith(ending):
            return provider.base_url.removesuffix(ending)
    return provider.base_url


def _offers(provider: Provider, kind: Kind) -> tuple[Offer, ...]:
    stated = provider.embeddings if kind == "embeddings" else provider.images
    if stated is not None:
        return stated
    usual = USUAL.get(provider.dialect, {}).get(kind)
    return (usual,) if usual else ()


def _article(type: str) -> str:
    return f"an {type}" if type[0] in "aeiou" else f"a {type}"
