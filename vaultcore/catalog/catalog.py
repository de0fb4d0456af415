"""The catalog: providers, models, and the operator's routes and aliases, in one frozen object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from vaultcore.catalog.models import Models
from vaultcore.catalog.schema import Model, Provider, Route, Target
from vaultcore.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Catalog:
    """All targets that a model name can resolve to."""

    providers: Mapping[str, Provider]  # by name, lower case, in order of preference
    models: Models = field(default=Models(), repr=False)
    routes: Mapping[str, Route] = field(default_factory=dict)  # of the operator, by model name
    aliases: Mapping[str, str] = field(default_factory=dict)  # of the operator: alias -> model name or route
    price_version: str = ""  # identifies the prices; ledger rows record it
    routes_version: int = 0  # of the stored routes that an administrator set; 0: none
    _by_name: Mapping[str, Provider] = field(init=False, repr=False, compare=False)
    _listing: tuple[Provider, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        aliases = {alias: row for row in self.providers.values() for alias in row.aliases}
        rows = self.providers.values()
        listing = (row for row in rows if next(self.ids(row), None) and not row.missing_params)
        object.__setattr__(self, "_by_name", {**aliases, **self.providers})
        object.__setattr__(self, "_listing", tuple(listing))

    def provider(self, name: str) -> Provider | None:
        """Return the provider with this name or alias, compared without case."""
        return self._by_name.get(name.lower())

    def model(self, provider: str, name: str) -> Model:
        """Return a model as a provider serves it; an unknown model has only its name."""
        return self.models.model(provider, name)

    def target(self, provider: Provider, name: str, *, weight: int = 1) -> Target:
        """Return a model of a provider as a target."""
        return Target(provider, self.model(provider.name, name), weight)

    def lists(self, provider: Provider, name: str) -> bool:
        """Return True if the provider is known to serve a model under exactly this name."""
        return name in provider.static_models or self.models.lists(provider.name, name)

    def providers_listing(self, name: str) -> list[Provider]:
        """Return the providers that list exactly this name and can be called, in order of preference."""
        providers = [row for row in self._listing if self._offers(row, name)]
        return sorted(providers, key=lambda row: row.fallback_order)

    def ids(self, provider: Provider) -> Iterator[str]:
        """Yield the names under which clients see the provider's models."""
        yield from provider.static_models
        if provider.listed:
            yield from (name for name in self.models.ids(provider.name) if name not in provider.static_models)

    def _offers(self, provider: Provider, name: str) -> bool:
        if name in provider.static_models:
            return True
        return provider.listed and self.models.lists(provider.name, name)
