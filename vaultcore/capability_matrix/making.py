"""Embeddings and images: a cell for each, with a model of the provider's own that makes them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from vaultcore.capability_matrix.cell import Cell, Mark, best
from vaultcore.capability_matrix.subject import Subject, candidate, unheard
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Target
from vaultcore.errors import InvalidRequest, UpstreamError
from vaultcore.media import MediaApi, embeddings, images
from vaultcore.upstream.media_jobs import errands
from vaultcore.wire import Json

TRIED = 3  # models of each, at most: one that makes it is enough
MADE: tuple[tuple[str, MediaApi, tuple[str, ...], Json], ...] = (
    ("embeddings", embeddings, ("embedding",), {"input": ["one", "two"]}),
    ("images out", images, ("image", "hybrid"), {"prompt": "a boat", "n": 1}),
)


async def cells(asked: Subject, catalog: Catalog) -> dict[str, Cell]:
    """The cells of a dialect that is a provider's own; none where it is another's besides."""
    if not asked.own:
        return {}
    found = {}
    for title, artifact, kinds, request in MADE:
        listed = [*_names(asked, catalog, kinds)] or _fitting(asked, artifact)
        names = listed or [asked.targets[0].model.name]
        tried = [await _made(artifact, {"model": name, **request}, asked, catalog) for name in names[:TRIED]]
        found[title] = best(tried)
    return found


def _names(asked: Subject, catalog: Catalog, kinds: Container[str]) -> Iterator[str]:
    """The provider's models of those types."""
    provider = asked.targets[0].provider
    return (name for name in catalog.ids(provider) if catalog.model(provider.name, name).type in kinds)


def _fitting(asked: Subject, artifact: MediaApi) -> list[str]:
    """Names that the provider's offers fit, where the catalog lists none of its models."""
    provider = asked.targets[0].provider
    stated = (provider.embeddings if artifact is embeddings else provider.images) or ()
    return [offer.when[0] for offer in stated if offer.when]


async def _made(artifact: MediaApi, request: Json, asked: Subject, catalog: Catalog) -> Cell:
    name = request["model"]
    provider = asked.targets[0].provider
    target = Target(provider, catalog.model(provider.name, name))
    try:
        errand = errands({**artifact.parse_request(request)}, [target], artifact)[target.name]
        ending = next(iter(errand.offer.strip), "")  # of the base URL, which the offer's path replaces
        placed = replace(target, provider=replace(provider, base_url=provider.base_url + ending))
        parts = await errand.run(asked.studio, candidate(placed), unheard)
    except InvalidRequest as error:
        return Cell(Mark.REFUSED, str(error), name)
    except UpstreamError as error:
        return Cell(Mark.FAILED, str(error), name)
    made = artifact.render_answer(request, parts, provider.title, 0).body["data"]
    wanted = len(request.get("input", ["one"]))
    good = len(made) == wanted and all(made)
    return Cell(Mark.YES, "", name) if good else Cell(Mark.FAILED, "not all of it was made", name)
