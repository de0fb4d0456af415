"""The operator's routes that were set while the gateway runs, over those of its file.

They are checked as the file's are, by the same code, and kept as one signed document. A route whose provider
has since gone from the catalog leads nowhere: it is left out and told of, and the others stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Route
from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audited
from vaultcore.errors import ConfigError, InvalidRequest, StoreUnavailable
from vaultcore.limits.signed_record import signed, verified
from vaultcore.secrets import SecretSource, pepper_of
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Document, Put, Store
from vaultcore.telemetry import redact
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.catalog.document import Part

FRESH = 4.0  # seconds; what is set here is in force everywhere after five
MOST = 200  # routes in one document
DEEPEST = 8
FILE, SECTION = "routes", "models"


@dataclass(frozen=True, slots=True)
class Stored:
    """The routes as they were set, and the version that the next setting replaces."""

    models: Mapping[str, Json] = field(default_factory=dict)
    version: int = ABSENT
    broken: Mapping[str, str] = field(default_factory=dict)  # why a route leads nowhere any more


class RouteStore:
    """One per process: knows the catalog with the routes in force."""

    def __init__(self, store: Store, secret_source: SecretSource, clock: Clock, catalog: Catalog) -> None:
        self._store, self._secrets, self._clock = store, secret_source, clock
        self._file = self._current = catalog
        self._known = Stored()
        self._read_at: float | None = None
        self._reading: asyncio.Task[Stored] | None = None

    @property
    def file(self) -> Mapping[str, Route]:
        """The routes of the operator's file."""
        return self._file.routes

    @property
    def catalog(self) -> Catalog:
        """The catalog as it was last known to be in force: every request that is let in has it heard."""
        return self._current

    def heard(self, packed: Mapping[str, Any] | None, version: int) -> None:
        """What the store has just told somebody who looked for something else besides."""
        self._read_at = self._clock.now()
        if version != self._known.version:
            self._take({} if packed is None else packed["models"], version)

    async def current(self) -> Catalog:
        """The catalog as it is in force, at most FRESH seconds old; as last known where the store is away."""
        now = self._clock.now()
        if self._read_at is None or now - self._read_at >= FRESH:
            if self._reading is None:
                self._reading = asyncio.ensure_future(self.stored())
                self._reading.add_done_callback(self._has_read)
            try:
                await asyncio.shield(self._reading)
            except StoreUnavailable:
                return self._current
        return self._current

    async def stored(self) -> Stored:
        """The routes that were set, as the store has them now."""
        (document,) = await self._store.get(document_types.ROUTES)
        version = ABSENT if document is None else document.version
        if version != self._known.version:
            models = {} if document is None else _models(document, await pepper_of(self._secrets))
            self._take(models, version)
        return self._known

    async def replace(
        self, models: object, version: int | None, request_id: str, *, reason: str | None = None
    ) -> Stored:
        """Other routes in place of those that were set; with `version` only in place of that one.

        Raises InvalidRequest naming what cannot be a route, and Conflict.
        """
        routes = self._checked(models)
        before, pepper = await self.stored(), await pepper_of(self._secrets)
        over = before.version if version is None else version
        change = AuditChange("routes.set", "routes", dict(before.models), dict(routes), reason)
        await self._store.write(
            Put(document_types.ROUTES, signed({"models": dict(routes)}, pepper), version=over),
            audited(change, self._clock.now(), request_id),
        )
        self._take(routes, over + 1)
        return self._known

    def _checked(self, models: object) -> Mapping[str, Json]:
        if not isinstance(models, dict):
            raise InvalidRequest("models must be an object: a route by each name", param="models")
        if len(models) > MOST:
            raise InvalidRequest(f"models has more than {MOST} routes", param="models")
        try:
            _made(models, self._file)
        except ConfigError as error:
            raise InvalidRequest(_said(error), param=error.key or SECTION) from None
        return models

    def _take(self, models: Mapping[str, Json], version: int) -> None:
        made, broken = dict[str, Route](), dict[str, str]()
        for name, told in models.items():
            try:
                made |= _made({name: told}, self._file)
            except ConfigError as error:
                broken[name] = _said(error)
        self._known = Stored(models, version, broken)
        self._current = replace(self._file, routes={**self._file.routes, **made}) if made else self._file

    def _has_read(self, reading: asyncio.Task[Stored]) -> None:
        self._reading, self._read_at = None, self._clock.now()
        if not reading.cancelled():
            reading.exception()  # whoever waited for it has been told; perhaps nobody did


def told(route: Route) -> Json:
    """A route of the file's, as it would be set."""
    targets = [{"target": each.name, "weight": each.weight} for each in route.targets]
    return {"targets": targets, "strategy": route.strategy}


def _said(error: ConfigError) -> str:
    """The refusal without the place in a file that it has none of; it may quote what was sent."""
    return redact(str(error).removeprefix(f"{FILE}:1: "))


def _models(document: Document, pepper: bytes) -> Mapping[str, Json]:
    packed = verified(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("the routes in force were not written by this gateway")
    return cast("Mapping[str, Json]", packed["models"])


def _made(models: Mapping[str, object], catalog: Catalog) -> dict[str, Route]:
    """The routes of a section, or ConfigError. The file's own checks, on values that came as JSON."""
    from vaultcore.catalog.overlay import Overlay  # whoever has set no routes does not pay for it

    section = _part({SECTION: models}, "", DEEPEST)
    return dict(Overlay(section, {}).over(catalog).routes)


def _part(value: object, key: str, left: int) -> Part:
    from vaultcore.catalog.document import Part

    if left == 0:
        raise ConfigError("is nested too deeply", file=FILE, line=1, key=key)
    match value:
        case dict():
            entries = {
                name: _part(each, f"{key}.{name}" if key else name, left - 1) for name, each in value.items()
            }
            return Part(entries, FILE, 1, key)
        case list():
            return Part([_part(each, f"{key}[{n}]", left - 1) for n, each in enumerate(value)], FILE, 1, key)
        case None | str() | int() | float():
            return Part(value, FILE, 1, key)
        case _:
            raise ConfigError("is no plain value", file=FILE, line=1, key=key)
