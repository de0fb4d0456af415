"""Embeddings and images: a cell for each, with a model of the provider's own that makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vaultcore.artifacts import Artifact, embeddings, images
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Target
from vaultcore.conformance.cell import Cell, Mark, best
from vaultcore.conformance.subject import Subject, candidate, unheard
from vaultcore.errors import InvalidRequest, UpstreamError
from vaultcore.upstream.errand import errands
from vaultcore.wire import Json

TRIED = 3  # models of each, at most: one that makes it is enough
MADE: tuple[tuple[str, Artifact, str, Json], ...] = (
    ("embeddings", embeddings, "embedding", {"input": ["one", "two"]}),
    ("images out", images, "image", {"prompt": "a boat", "n": 1}),
)


async def cells(asked: Subject, catalog: Catalog) -> dict[str, Cell]:
    """The cells of a dialect that is a provider's own; none where it is another's besides."""
    if not asked.own:
        return {}
    found = {}
    for title, artifact, kind, request in MADE:
        names = [*_names(asked, catalog, kind)][:TRIED] or [target.model.name for target in asked.targets[:1]]
        tried = [await _made(artifact, {"model": name, **request}, asked, catalog) for name in names]
        found[title] = best(tried)
    return found


def _names(asked: Subject, catalog: Catalog, kind: str) -> Iterator[str]:
    """The provider's models of that type."""
    provider = asked.targets[0].provider
    return (name for name in catalog.ids(provider) if catalog.model(provider.name, name).type == kind)


async def _made(artifact: Artifact, request: Json, asked: Subject, catalog: Catalog) -> Cell:
    name = request["model"]
    provider = asked.targets[0].provider
    target = Target(provider, catalog.model(provider.name, name))
    try:
        errand = errands({**artifact.parse_request(request)}, [target], artifact)[target.name]
        ending = next(iter(errand.offer.strip), "")  # of the base URL, which the offer's path replaces
        placed = replace(target, provider=replace(provider, base_url=provider.base_url + ending))
        parts = await errand.run(asked.upstream, candidate(placed), unheard)
    except InvalidRequest as error:
        return Cell(Mark.REFUSED, str(error), name)
    except UpstreamError as error:
        return Cell(Mark.FAILED, str(error), name)
    made = artifact.render_answer(request, parts, provider.title, 0).body["data"]
    wanted = len(request.get("input", ["one"]))
    good = len(made) == wanted and all(made)
    return Cell(Mark.YES, "", name) if good else Cell(Mark.FAILED, "not all of it was made", name)
