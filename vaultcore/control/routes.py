"""Routes that an administrator sets at run time, merged over those of the providers file.

The file's own code validates them, and they are stored as one signed document. A route whose provider is no
longer in the catalog is left out and reported; the others stay in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from vaultcore.casts import cast
from vaultcore.catalog.catalog import Catalog
from vaultcore.catalog.schema import Route
from vaultcore.clock import Clock
from vaultcore.control.audit import AuditChange, audit_entry
from vaultcore.control.change_signal import ChangeSignal
from vaultcore.errors import ConfigError, InvalidRequest, StoreUnavailable
from vaultcore.lazy_dataclass import dataclass
from vaultcore.limits.signed_record import sign_record, verify_record
from vaultcore.secrets import SecretSource, require_pepper
from vaultcore.store import document_types
from vaultcore.store.base import ABSENT, Document, Put, Store
from vaultcore.telemetry import redact
from vaultcore.wire import Json

if TYPE_CHECKING:
    from vaultcore.catalog.document import ConfigNode

FRESH = 4.0  # seconds; a change is in force everywhere within five
MAX_ROUTES = 200  # routes in one document
MAX_DEPTH = 8  # levels of a document
FILE, SECTION = "routes", "models"


@dataclass(frozen=True, slots=True)
class StoredRoutes:
    """The routes as they were set, and their version, which the next change replaces."""

    models: Mapping[str, Json] = field(default_factory=dict)
    version: int = ABSENT
    broken: Mapping[str, str] = field(default_factory=dict)  # name → why the route is not in force


class RouteStore:
    """One per process: the catalog with the routes now in force."""

    def __init__(self, store: Store, secret_source: SecretSource, clock: Clock, catalog: Catalog) -> None:
        self._store, self._secrets, self._clock = store, secret_source, clock
        self.changes = ChangeSignal()  # of routes, and of keys and limits
        self._seen = self.changes.cell[0]
        self._file = self._current = catalog
        self._stored = StoredRoutes()
        self._read_at: float | None = None
        self._reading: asyncio.Task[StoredRoutes] | None = None

    @property
    def file(self) -> Mapping[str, Route]:
        """Return the routes of the providers file."""
        return self._file.routes

    @property
    def catalog(self) -> Catalog:
        """Return the catalog as of the latest read: every key look-up reads the routes too."""
        return self._current

    def accept(self, packed: Mapping[str, Any] | None, version: int) -> None:
        """Apply routes that were read from the store together with a key: see `control.snapshot`."""
        self._read_at = self._clock.now()
        if version != self._stored.version:
            self._apply({} if packed is None else packed["models"], version)

    async def current(self) -> Catalog:
        """Return the catalog, at most FRESH seconds old; an older one if the store is unavailable."""
        now = self._clock.now()
        has_changed = self.changes.cell[0] != self._seen
        if has_changed or self._read_at is None or now - self._read_at >= FRESH:
            if has_changed or self._reading is None:
                self._seen = self.changes.cell[0]
                self._reading = asyncio.ensure_future(self.stored())
                self._reading.add_done_callback(self._finish_read)
            try:
                await asyncio.shield(self._reading)
            except StoreUnavailable:
                return self._current
        return self._current

    async def stored(self) -> StoredRoutes:
        """Read the routes from the store."""
        (document,) = await self._store.get(document_types.ROUTES)
        version = ABSENT if document is None else document.version
        if version != self._stored.version:
            models = {} if document is None else _models(document, await require_pepper(self._secrets))
            self._apply(models, version)
        return self._stored

    async def replace(
        self, models: object, version: int | None, request_id: str, *, reason: str | None = None
    ) -> StoredRoutes:
        """Replace the routes; with `version` only if that version is stored.

        Raises InvalidRequest, which names the invalid route, and Conflict.
        """
        routes = self._validated(models)
        before, pepper = await self.stored(), await require_pepper(self._secrets)
        replaced = before.version if version is None else version
        change = AuditChange("routes.set", "routes", dict(before.models), dict(routes), reason)
        await self._store.write(
            Put(document_types.ROUTES, sign_record({"models": dict(routes)}, pepper), version=replaced),
            audit_entry(change, self._clock.now(), request_id),
        )
        self._apply(routes, replaced + 1)
        self.changes.publish()
        return self._stored

    def _validated(self, models: object) -> Mapping[str, Json]:
        if not isinstance(models, dict):
            raise InvalidRequest("models must be an object of routes by name", param="models")
        if len(models) > MAX_ROUTES:
            raise InvalidRequest(f"models has more than {MAX_ROUTES} routes", param="models")
        try:
            _parse_routes(models, self._file)
        except ConfigError as error:
            raise InvalidRequest(_reason(error), param=error.key or SECTION) from None
        return models

    def _apply(self, models: Mapping[str, Json], version: int) -> None:
        routes, broken = dict[str, Route](), dict[str, str]()
        for name, model in models.items():
            try:
                routes |= _parse_routes({name: model}, self._file)
            except ConfigError as error:
                broken[name] = _reason(error)
        self._stored = StoredRoutes(models, version, broken)
        routes = {**self._file.routes, **routes}
        self._current = replace(self._file, routes=routes, routes_version=version) if version else self._file

    def _finish_read(self, reading: asyncio.Task[StoredRoutes]) -> None:
        if reading is self._reading:
            self._reading, self._read_at = None, self._clock.now()
        if not reading.cancelled():
            reading.exception()  # retrieved, so that asyncio does not log it


def route_json(route: Route) -> Json:
    """Return a route in the form in which it can be set."""
    targets = [{"target": each.name, "weight": each.weight} for each in route.targets]
    cache = {} if route.cache is None else {"cache": route.cache}
    return {"targets": targets, "strategy": route.strategy, **cache}


def _reason(error: ConfigError) -> str:
    """Return the error text without its file position; the text may quote the request, so it is redacted."""
    return redact(str(error).removeprefix(f"{FILE}:1: "))


def _models(document: Document, pepper: bytes) -> Mapping[str, Json]:
    packed = verify_record(document.body, pepper)
    if packed is None:
        raise StoreUnavailable("the routes in the store have no valid signature of this gateway")
    return cast("Mapping[str, Json]", packed["models"])


def _parse_routes(models: Mapping[str, object], catalog: Catalog) -> dict[str, Route]:
    """Parse routes from JSON with the file's own code. Raises ConfigError."""
    from vaultcore.catalog.overlay import Overlay  # imported only where routes are set

    section = _node({SECTION: models}, "", MAX_DEPTH)
    return dict(Overlay(section, {}).apply_to(catalog).routes)


def _node(value: object, key: str, depth_left: int) -> ConfigNode:
    from vaultcore.catalog.document import ConfigNode

    if depth_left == 0:
        raise ConfigError("is nested too deeply", file=FILE, line=1, key=key)
    match value:
        case dict():
            entries = {
                name: _node(each, f"{key}.{name}" if key else name, depth_left - 1)
                for name, each in value.items()
            }
            return ConfigNode(entries, FILE, 1, key)
        case list():
            return ConfigNode(
                [_node(each, f"{key}[{n}]", depth_left - 1) for n, each in enumerate(value)], FILE, 1, key
            )
        case None | str() | int() | float():
            return ConfigNode(value, FILE, 1, key)
        case _:
            raise ConfigError("is not a JSON value", file=FILE, line=1, key=key)
