"""Fills the matrix: renders every capability's request, sends it to a simulator and looks at the answers."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace

from vaultcore.capability_matrix import making
from vaultcore.capability_matrix.capability import Capability
from vaultcore.capability_matrix.cell import Cell, Mark, best
from vaultcore.capability_matrix.matrix import Matrix
from vaultcore.capability_matrix.offered import CAPABILITIES
from vaultcore.capability_matrix.subject import Subject, subject
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Target
from vaultcore.client_apis import chat
from vaultcore.dialects import Change
from vaultcore.errors import InvalidRequest, UpstreamError
from vaultcore.upstream.client import ProviderRequest, render
from vaultcore.wire import ChatRequest, Json


async def matrix(
    names: Iterable[str], catalog: Catalog, capabilities: Sequence[Capability] = CAPABILITIES
) -> Matrix:
    """What these dialects can carry."""
    columns = {}
    for name in names:
        async with subject(name, catalog) as asked:
            made = await making.cells(asked, catalog)
            columns[name] = {**{each.title: await _cell(each, asked) for each in capabilities}, **made}
    return Matrix(columns)


async def _cell(capability: Capability, asked: Subject) -> Cell:
    found: list[Cell] = []
    for target in asked.targets:
        cell = await _tried(capability, asked, target)
        if cell.mark is Mark.FAILED and capability.instead is not None:
            cell = await _tried(replace(capability, request=capability.instead), asked, target)
        found.append(cell)
        if cell.mark is Mark.YES:
            break
    return best(found)


async def _tried(capability: Capability, asked: Subject, target: Target) -> Cell:
    """The cell of one model."""
    name = target.model.name
    try:
        request = _request(capability.request)
        rendered = render(target, request)
    except InvalidRequest as error:
        named = capability.named_by(error.param)
        return Cell(Mark.REFUSED if named else Mark.FAILED, f"{error.param}: {error}", name)
    usual = None if capability.without is None else render(target, _request(capability.without))
    told = _told(capability, rendered, usual)
    for change in told:
        if change.lossy:
            return Cell(Mark.REPORTED, change.reason, name)
    if usual is not None and not told and _sent(rendered) == _sent(usual):
        return Cell(Mark.FAILED, "lost in silence", name)
    if fault := await _asked(capability, asked, target, request):
        return Cell(Mark.FAILED, fault, name)
    emulated = [change for change in told if change.kind == "emulated"]
    return Cell(Mark.EMULATED, emulated[0].reason, name) if emulated else Cell(Mark.YES, "", name)


async def _asked(capability: Capability, asked: Subject, target: Target, request: ChatRequest) -> str | None:
    """What is wrong with the answers, if anything."""
    try:
        answers = await asked.buffered(target, request), await asked.streamed(target, request)
    except UpstreamError as error:
        return str(error)
    for answer, how in zip(answers, ("buffered", "streamed"), strict=True):
        try:
            good = capability.shown is None or capability.shown(answer)
        except ValueError:
            good = False  # what should have been JSON is none
        if not good:
            return f"the {how} answer does not show it"
    return None


def _told(capability: Capability, rendered: ProviderRequest, usual: ProviderRequest | None) -> list[Change]:
    """What the report says of it that it would not say anyway."""
    known = usual.rendered.changes if usual else ()
    return [each for each in rendered.rendered.changes if each not in known and capability.told_by(each)]


def _sent(asked: ProviderRequest) -> tuple[str, Json]:
    return asked.path, asked.rendered.body


def _request(body: Json) -> ChatRequest:
    return chat.parse_request(copy.deepcopy(body))
