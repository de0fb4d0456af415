"""Fills the matrix.

Renders the request of every capability, sends it to a simulator and checks the response.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace

from vaultcore.capability_matrix.capabilities import CAPABILITIES
from vaultcore.capability_matrix.capability import Capability
from vaultcore.capability_matrix.matrix import Matrix
from vaultcore.capability_matrix.media_cells import media_cells
from vaultcore.capability_matrix.simulated_dialect import SimulatedDialect, simulate_dialect
from vaultcore.capability_matrix.support import MatrixCell, Support, best_cell
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest, UpstreamError
from vaultcore.upstream.provider_request import ProviderRequest, render
from vaultcore.wire import ChatRequest, Json


async def build_matrix(
    names: Iterable[str], catalog: Catalog, capabilities: Sequence[Capability] = CAPABILITIES
) -> Matrix:
    """Return the matrix of these dialects."""
    columns = {}
    for name in names:
        async with simulate_dialect(name, catalog) as dialect:
            media = await media_cells(dialect, catalog)
            cells = {each.title: await _test_capability(each, dialect) for each in capabilities}
            columns[name] = {**cells, **media}
    return Matrix(columns)


async def _test_capability(capability: Capability, dialect: SimulatedDialect) -> MatrixCell:
    """Return the best cell of the dialect's models; stop at the first model that supports it."""
    cells: list[MatrixCell] = []
    for target in dialect.targets:
        cell = await _test_model(capability, dialect, target)
        if cell.support is Support.FAILED and capability.alternative is not None:
            alternative = replace(capability, request=capability.alternative)
            cell = await _test_model(alternative, dialect, target)
        cells.append(cell)
        if cell.support is Support.YES:
            break
    return best_cell(cells)


async def _test_model(capability: Capability, dialect: SimulatedDialect, target: Target) -> MatrixCell:
    name = target.model.name
    try:
        request = _parse_request(capability.request)
        rendered = render(target, request)
    except InvalidRequest as error:
        support = Support.REFUSED if capability.covers(error.param) else Support.FAILED
        return MatrixCell(support, f"{error.param}: {error}", name)
    baseline = None if capability.baseline is None else render(target, _parse_request(capability.baseline))
    changes = _reported_changes(capability, rendered, baseline)
    for change in changes:
        if change.lossy:
            return MatrixCell(Support.REPORTED, change.reason, name)
    if baseline is not None and not changes and _content(rendered) == _content(baseline):
        return MatrixCell(Support.FAILED, "dropped without a report", name)
    if defect := await _find_defect(capability, dialect, target, request):
        return MatrixCell(Support.FAILED, defect, name)
    emulated = [change for change in changes if change.kind == "emulated"]
    if emulated:
        return MatrixCell(Support.EMULATED, emulated[0].reason, name)
    return MatrixCell(Support.YES, "", name)


async def _find_defect(
    capability: Capability, dialect: SimulatedDialect, target: Target, request: ChatRequest
) -> str | None:
    """Send the request, buffered and streamed, and return the defect of the responses or None."""
    try:
        responses = await dialect.complete(target, request), await dialect.stream(target, request)
    except UpstreamError as error:
        return str(error)
    for response, mode in zip(responses, ("buffered", "streamed"), strict=True):
        try:
            is_correct = capability.check is None or capability.check(response)
        except ValueError:
            is_correct = False  # text that should be JSON is not
        if not is_correct:
            return f"the {mode} response does not show it"
    return None


def _reported_changes(
    capability: Capability, rendered: ProviderRequest, baseline: ProviderRequest | None
) -> list[Change]:
    """Return the changes about the capability that the baseline does not report."""
    baseline_changes = baseline.rendered.changes if baseline else ()
    return [
        change
        for change in rendered.rendered.changes
        if change not in baseline_changes and capability.is_reported_by(change)
    ]


def _content(request: ProviderRequest) -> tuple[str, Json]:
    return request.path, request.rendered.body


def _parse_request(body: Json) -> ChatRequest:
    return chat.parse_request(copy.deepcopy(body))
