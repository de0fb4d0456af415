"""The results for embeddings, images and moderations, tested with the provider's own models for them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace

from vaultcore.capability_matrix.simulated_dialect import SimulatedDialect, candidate_for, ignore_headers
from vaultcore.capability_matrix.support import MatrixCell, Support, best_cell
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Target
from vaultcore.errors import InvalidRequest, UpstreamError
from vaultcore.media import MediaApi, embeddings, image_edits, images, moderations
from vaultcore.upstream.media_jobs import media_jobs
from vaultcore.wire import Json

MAX_MODELS = 3  # to test per API; one that works is enough
PICTURE = "data:image/png;base64,iVBORw0KGgo="
# Title of the row, API, types of models to test, request without its model.
ROWS: tuple[tuple[str, MediaApi, tuple[str, ...], Json], ...] = (
    ("embeddings", embeddings, ("embedding",), {"input": ["one", "two"]}),
    ("image generation", images, ("image", "hybrid"), {"prompt": "a boat", "n": 1}),
    ("image edits", image_edits, ("image",), {"prompt": "a boat", "image": [PICTURE], "n": 1}),
    ("moderation", moderations, ("moderation",), {"input": ["one", "two"]}),
)


async def media_cells(dialect: SimulatedDialect, catalog: Catalog) -> dict[str, MatrixCell]:
    """Return the cells of a dialect, or none if no provider speaks it with all its models."""
    if not dialect.has_provider:
        return {}
    cells = {}
    for title, api, types, request in ROWS:
        names = [*_model_names(dialect, catalog, types)] or _offer_names(dialect, api)
        names = names or [dialect.targets[0].model.name]
        results = [
            await _test_model(api, {"model": name, **request}, dialect, catalog)
            for name in names[:MAX_MODELS]
        ]
        cells[title] = best_cell(results)
    return cells


def _model_names(dialect: SimulatedDialect, catalog: Catalog, types: Container[str]) -> Iterator[str]:
    """Return the provider's models of those types."""
    provider = dialect.targets[0].provider
    return (name for name in catalog.ids(provider) if catalog.model(provider.name, name).type in types)


def _offer_names(dialect: SimulatedDialect, api: MediaApi) -> list[str]:
    """Return names that match the provider's offers, for a provider without listed models."""
    provider = dialect.targets[0].provider
    offers = {"embeddings": provider.embeddings, "images": provider.images}.get(api.kind) or ()
    return [offer.when[0] for offer in offers if offer.when]


async def _test_model(
    api: MediaApi, request: Json, dialect: SimulatedDialect, catalog: Catalog
) -> MatrixCell:
    name = request["model"]
    provider = dialect.targets[0].provider
    target = Target(provider, catalog.model(provider.name, name))
    try:
        job = media_jobs({**api.parse_request(request)}, [target], api)[target.name]
        ending = next(iter(job.offer.strip), "")  # of the base URL, which the offer's path replaces
        located = replace(target, provider=replace(provider, base_url=provider.base_url + ending))
        results = await job.run(dialect.media_upstream, candidate_for(located), ignore_headers)
    except InvalidRequest as error:
        return MatrixCell(Support.REFUSED, str(error), name)
    except UpstreamError as error:
        return MatrixCell(Support.FAILED, str(error), name)
    body = api.render_response(request, results, provider.title, 0).body
    data = body["results"] if api is moderations else body["data"]
    if len(data) == len(request.get("input", ["one"])) and all(data):
        return MatrixCell(Support.YES, "", name)
    return MatrixCell(Support.FAILED, "the response does not contain everything requested", name)
